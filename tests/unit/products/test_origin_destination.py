"""Trips count by the districts and zones of two stays; zone pairs only where their districts have many trips."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.period import Period
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.consistency import make_consistent
from tasks.privacy.derived import StoredRelease, derive
from tasks.privacy.measured import Measured
from tasks.products.dimensions import DAY_PARTS
from tasks.products.draw import counted
from tasks.products.origin_destination import DAILY, DISTRICT_PAIR, LIMIT, WEEKLY, ZONE_PAIR, chosen_zone_pairs
from tasks.products.shared_sums import relation
from tasks.products.spec import Choice, CountContext, PublicContext
from tests import reference
from tests.unit.privacy.sources import Silence
from tests.unit.products.counting import PLAN, context
from tests.unit.products.counting import ZONE as BERLIN

DAY = Period.day(date(2026, 3, 2))
ZONES, DISTRICTS, PARTS = len(PLAN.zone_ids), len(PLAN.districts), len(DAY_PARTS)
EAST, WEST = 0, 1
"""Zones a and c (0 and 2) are in the east, zone b (1) is in the west."""
MORNING = 1

Trip = tuple[int, int, int, int]
"""Person, hour of departure, origin, destination."""


def rows(trips: list[Trip]) -> pa.Table:
    columns = np.array(sorted(trips), np.int64).reshape(-1, 4).T
    types = {"pseudonym": np.uint64, "departure": np.int8, "origin": np.int32, "destination": np.int32}
    return pa.table({name: column.astype(types[name]) for name, column in zip(types, columns, strict=True)})


def facts(trips: list[Trip], who: set[int]) -> CountContext:
    halves = [rows([trip for trip in trips if (trip[0] < 5) is low]) for low in (True, False)]
    return context(DAILY, DAY, dict.fromkeys(who, (0, 0)), {"trips": halves})


def many(value: float = 1e6) -> dict[str, Measured]:
    """A noisy first stage in which every district pair passes the limit."""
    shape = DISTRICTS, DISTRICTS, PARTS
    return {DISTRICT_PAIR.name: Measured(np.full(shape, value), np.full(shape, 1600.0))}


def counts(trips: list[Trip], who: set[int]) -> list[Contributions]:
    return [sums for count in DAILY.counts for sums in count(replace(facts(trips, who), drawn=many()))]


pairs = st.tuples(st.integers(0, ZONES - 1), st.integers(0, ZONES - 1)).filter(lambda pair: pair[0] != pair[1])
trips = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([0, 8, 9, 23]), pairs).map(lambda trip: (*trip[:2], *trip[2])),
    max_size=80,
)


@settings(deadline=None)
@given(trips, st.sets(st.integers(0, 9)))
def test_each_person_s_trips_count_by_weight_at_both_levels(some: list[Trip], who: set[int]) -> None:
    by_district, by_zone = counts(some, who)
    of_districts, of_zones = np.zeros((DISTRICTS, DISTRICTS, PARTS), np.int64), np.zeros((ZONES, ZONES), np.int64)
    for person in who:
        districts, zones = np.zeros_like(of_districts), np.zeros_like(of_zones)
        for _, hour, origin, destination in (trip for trip in some if trip[0] == person):
            part = [begin <= hour for begin in DAY_PARTS.values()].count(True) - 1
            districts[PLAN.district[origin], PLAN.district[destination], part] += 1
            zones[origin, destination] += 1
        for total, own, bound in ((of_districts, districts, by_district.bound), (of_zones, zones, by_zone.bound)):
            total += np.reshape(reference.weighted(own.ravel().tolist(), bound), own.shape)
    assert by_district.values.tolist() == of_districts.tolist()
    assert by_zone.values.tolist() == of_zones[~np.eye(ZONES, dtype=bool)].tolist(), "no trip ends where it began"


def test_a_person_s_weight_is_the_same_whichever_zone_pairs_are_drawn() -> None:
    some = [(1, 8, 0, 1)] * 3 + [(1, 9, 1, 0)] * 3  # 9 + 9 is above the bound of 8
    few = {DISTRICT_PAIR.name: Measured(np.zeros((2, 2, 5)), np.full((2, 2, 5), 1600.0))}
    few[DISTRICT_PAIR.name].values[EAST, WEST] = 1e6
    (by_zone,) = DAILY.counts[1](replace(facts(some, {1}), drawn=few))
    assert ZONE_PAIR.keys(facts([], set()), by_zone.chosen).to_pydict() == {
        "origin_zone_id": ["a", "c"],
        "destination_zone_id": ["b", "b"],
    }
    assert by_zone.values.tolist() == [3 * int((64**2 * 8 / 18) ** 0.5), 0]


@pytest.mark.parametrize(("excess", "pairs"), [(-1.0, 0), (1.0, 6)])
def test_zone_pairs_are_drawn_where_the_noisy_number_of_the_day_passes_the_limit(excess: float, pairs: int) -> None:
    of_day = LIMIT * 40 * PARTS**0.5 + excess
    assert chosen_zone_pairs(facts([], set()), many(of_day / PARTS)).size == pairs


def test_the_choice_of_zone_pairs_gets_public_facts_and_noisy_numbers_alone() -> None:
    given: list[type] = []

    def chosen(public: PublicContext, drawn: Mapping[str, Measured]) -> Integers:
        given.append(type(public))
        return chosen_zone_pairs(public, drawn)

    replace(facts([], set()), drawn=many()).weighted_counter(replace(ZONE_PAIR, sparse=Choice(chosen, "")))
    assert given == [PublicContext]


def test_zone_pairs_add_up_to_their_district_pair_s_day() -> None:
    public = facts([], set())
    chosen = chosen_zone_pairs(public, many())
    random = np.random.default_rng(1)
    noisy = {
        DISTRICT_PAIR.name: Measured(random.normal(400, 40, (2, 2, 5)), np.full((2, 2, 5), 1600.0)),
        ZONE_PAIR.name: Measured(random.normal(900, 36, chosen.size), np.full(chosen.size, 1296.0)),
    }
    (pair,) = DAILY.same_persons
    made = make_consistent(noisy, [relation(public, *pair, chosen={ZONE_PAIR.name: chosen})])
    of_day = made[DISTRICT_PAIR.name].values.sum(axis=2)
    origin, destination = (PLAN.district[index] for index in np.unravel_index(chosen, (ZONES, ZONES)))
    sums = np.zeros((2, 2))
    np.add.at(sums, (origin, destination), made[ZONE_PAIR.name].values)
    for place in ((EAST, EAST), (EAST, WEST), (WEST, EAST)):
        assert sums[place] == pytest.approx(of_day[place])
    assert made[DISTRICT_PAIR.name].values[WEST, WEST] == pytest.approx(noisy[DISTRICT_PAIR.name].values[WEST, WEST])


def test_flows_are_sums_over_other_districts_with_the_variance_after_consistency() -> None:
    values = np.arange(20.0).reshape(2, 2, 5) * 100
    made = DAILY.summarise(facts([], set()), {DISTRICT_PAIR.name: Measured(values, np.full(values.shape, 1600.0))})
    assert made["outflow"].measured.values.tolist() == [values[EAST, WEST].tolist(), values[WEST, EAST].tolist()]
    assert made["inflow"].measured.values.tolist() == [values[WEST, EAST].tolist(), values[EAST, WEST].tolist()]
    assert set(made["outflow"].measured.variances.ravel()) == {1600.0}


def test_a_release_holds_every_district_pair_and_the_chosen_zone_pairs() -> None:
    some = [(person, 8, 0, 1) for person in range(400)]
    table = counted(DAILY, facts(some, set(range(400))), Silence())().table
    shown = table.filter(pa.compute.equal(table["status"], "estimate"))
    assert dict(zip(shown["level"].to_pylist(), shown["value"].to_pylist(), strict=True)) == {
        "district_pair": pytest.approx(400),
        "zone_pair": pytest.approx(400),
        "outflow": pytest.approx(400),
        "inflow": pytest.approx(400),
    }
    levels = [each["values"] for each in table["level"].value_counts().to_pylist() for _ in range(each["counts"])]
    assert {name: levels.count(name) for name in sorted(set(levels))} == {
        "district_pair": 20,
        "inflow": 10,
        "outflow": 10,
        "zone_pair": 2,
    }


# ---- the week

WEEK = Period.parse("2026-W10")
MANY, FEW = [(person, 8, 0, 1) for person in range(400)], [(person, 8, 0, 1) for person in range(100)]


def released(day: date, some: list[Trip]) -> StoredRelease:
    """A day's release without noise."""
    of_day = replace(facts(some, set(range(400))), period=Period.day(day), ingested=(day,))
    return StoredRelease(f"origin_destination/v1/{day}/r1", "", counted(DAILY, of_day, Silence())().table, {}, ())


def shown(releases: list[StoredRelease]) -> dict[str, list[dict[str, Any]]]:
    """The rows of the week's levels that are no zero."""
    public = PublicContext(WEEK, PLAN, BERLIN)
    keys = {level.name: partial(level.keys, public) for level in WEEKLY.levels}
    table = derive(releases, partial(WEEKLY.derive, public), keys).table
    rows = [row for row in table.to_pylist() if row["value"]]
    return {name: [row for row in rows if row["level"] == name] for name in keys}


def test_a_week_adds_up_its_days_by_type_and_widens_the_error_by_their_number() -> None:
    found = shown([released(day, MANY) for day in WEEK.days])
    of_day = 1600 * (1 - 1600 / (5 * 1600 + 2 * 1296))  # five parts of the day agree with two zone pairs
    sums = {
        name: [(row["day_type"], round(row["value"]), round(row["se"] ** 2 / of_day, 6)) for row in rows]
        for name, rows in found.items()
    }
    assert sums["outflow_week"] == sums["inflow_week"] == [("weekday", 2000, 5), ("weekend", 800, 2)]
    assert [row["day_part"] for row in found["district_pair_week"]] == ["morning", "morning"]
    assert [each[:2] for each in sums["district_pair_week"]] == [("weekday", 2000), ("weekend", 800)]
    assert [each[:2] for each in sums["zone_pair_week"]] == [("weekday", 2000), ("weekend", 800)]
    assert {row["status"] for rows in found.values() for row in rows} == {"estimate"}


def test_a_zone_pair_has_a_sum_only_if_every_day_of_the_type_has_it() -> None:
    found = shown([released(day, FEW if day.weekday() == 2 else MANY) for day in WEEK.days])
    assert [row["day_type"] for row in found["zone_pair_week"]] == ["weekend"]
    assert [round(row["value"]) for row in found["district_pair_week"]] == [1700, 800]


@pytest.mark.parametrize(
    ("missing", "left"), [(range(1), {"weekend"}), (range(5), {"weekend"}), (range(6, 7), {"weekday"})]
)
def test_a_type_of_which_a_day_is_missing_is_incomplete(missing: range, left: set[str]) -> None:
    found = shown([released(day, MANY) for day in WEEK.days if day.weekday() not in missing])
    for rows in found.values():
        assert {row["day_type"] for row in rows} == left


def test_a_sum_below_three_standard_errors_is_withheld() -> None:
    found = shown([released(day, FEW) for day in WEEK.days])
    assert [(row["day_type"], row["status"]) for row in found["outflow_week"]] == [
        ("weekday", "estimate"),  # 500 trips, standard error 89
        ("weekend", "estimate"),  # 200 trips, standard error 57
    ]
    assert {row["status"] for row in shown([released(day, FEW[:40]) for day in WEEK.days])["outflow_week"]} == {
        "withheld_small"
    }
