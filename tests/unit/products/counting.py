"""A small plan and what a product counts from, built from plain dictionaries."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import shapely

from tasks import policy_file
from tasks.mobility.home_location import HomeRules
from tasks.mobility.tables import LakeTable
from tasks.mobility.zones import ZonePlan
from tasks.period import Period, day_hours
from tasks.policy import Policy
from tasks.products.spec import CountContext, DataProduct

POLICY = policy_file.load().policy


def by_slots(policy: str) -> str:
    """The text of a policy with footfall by slots of three hours instead of hours."""
    named = re.sub(r"(zone|district)_hour(?=[^\n]*\]\n[^\[]*bound = 24)", r"\1_slot", policy)
    return named.replace("bound = 24", "bound = 8")


SLOT_POLICY = Policy.model_validate(tomllib.loads(by_slots(policy_file.shipped().read_text()), parse_float=Decimal))
"""The shipped policy with footfall by slots."""
ZONE = ZoneInfo("Europe/Berlin")
PLAN = ZonePlan(
    zone_ids=("a", "b", "c"),
    names=("A", "B", "C"),
    district=np.array([0, 1, 0], dtype=np.int32),
    districts=("east", "west"),
    district_names=("east", "west"),
    geometries=(shapely.box(0, 0, 1, 1),) * 3,
    area_types=(None,) * 3,
    merged={},
)


def eligible(people: Mapping[int, tuple[int, int]]) -> pa.Table:
    """Persons with their age band and gender, as indexes."""
    order = sorted(people)
    return pa.table(
        {
            "pseudonym": np.array(order, dtype=np.uint64),
            "age_band": np.array([people[person][0] for person in order], dtype=np.int8),
            "gender": np.array([people[person][1] for person in order], dtype=np.int8),
        }
    )


def context(
    product: DataProduct,
    period: Period,
    people: Mapping[int, tuple[int, int]],
    tables: Mapping[str, list[pa.Table]],
    policy: Policy = POLICY,
) -> CountContext:
    """What the product counts from; `tables`: rows by the lake table's name, of anybody."""
    who, hours = eligible(people), 24 * len(period.days)

    def rows(table: LakeTable) -> Iterator[pa.Table]:
        for rows in tables[table.name]:
            member = np.searchsorted(who["pseudonym"].to_numpy(), rows["pseudonym"].to_numpy())
            known = np.isin(rows["pseudonym"].to_numpy(), who["pseudonym"].to_numpy())
            yield rows.append_column("member", pa.array(member)).filter(pa.array(known))

    rules = product.rules(policy, period.cadence, hours)
    return CountContext(
        period=period,
        zones=PLAN,
        timezone=ZONE,
        eligible=who,
        rules={rule.name: rule for rule in rules},
        rows=rows,
        covered=lambda day: np.ones((len(PLAN.zone_ids), len(day_hours(day, ZONE))), dtype=bool),
        incomplete=lambda day: np.zeros(len(day_hours(day, ZONE)), dtype=bool),
        ingested=tuple(period.days),
        home=HomeRules(60, 60),
    )


def with_facts(base: CountContext, covered: np.ndarray, incomplete: np.ndarray) -> CountContext:
    """The same with these facts of its day."""

    def covered_on(day: date) -> np.ndarray:
        return covered

    return replace(base, covered=covered_on, incomplete=lambda day: incomplete)
