"""Rows of a person may be repeated or spoilt: no product counts more of the person than its bound."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import StepFailed
from tasks.mobility.tables import LakeTable
from tasks.privacy.measured import Measured
from tasks.products import footfall, registry
from tasks.products.spec import DataProduct
from tests.promise.sensitivity import squared_distance
from tests.promise.test_sensitivity import COUNTED, arbitrary
from tests.unit.products.counting import PLAN, POLICY, SLOT_POLICY, context

PERSON = 7
ZONES = len(PLAN.zone_ids)
LIMITS = {"pseudonym": (PERSON, PERSON + 1), "hour": (0, 24), "departure": (0, 24), "overnight": (0, 4)}
LIMITS |= dict.fromkeys(["zone", "origin", "destination"], (0, ZONES)) | dict.fromkeys(["start", "end"], (0, 86_400))
LIMITS |= dict.fromkeys(["night_minutes", "work_minutes"], (0, 1_440))
ANYTHING = (-(2**63), 2**63 - 1)
LEAST = 0.01
EACH = pytest.mark.parametrize("product", COUNTED, ids=lambda product: ".".join(level.name for level in product.levels))


def any_rows(table: LakeTable, number: int, seed: int, alike: bool) -> pa.Table:
    """Rows of one person: of any content, or the same row again and again."""
    random = np.random.default_rng(seed)
    drawn = {name: random.integers(*LIMITS.get(name, ANYTHING), number) for name in table.schema.names}
    if "hour" in drawn:
        drawn["hour"] = np.resize(random.permutation(24), number)  # an hour twice stops the draw
    rows = pa.table({name: np.full(number, each[0]) if alike else each for name, each in drawn.items()})
    rows = rows.cast(table.schema)
    return rows.append_column("day", pa.array(random.integers(0, 7, number), pa.int16()))


def nearness(product: DataProduct, number: int, seed: int, alike: bool) -> float | None:
    """The largest squared distance to nobody's counts, as a part of the bound; None: the draw was stopped."""
    policy = SLOT_POLICY if product is footfall.SLOTS else POLICY
    rows = {table.name: [any_rows(table, number, seed, alike)] for table in product.reads}
    nothing: Mapping[str, list[pa.Table]] = {name: [] for name in rows}
    somebody, nobody = ({PERSON: (0, 0)}, rows), (dict[int, tuple[int, int]](), nothing)
    (period, *_) = product.periods(date(2026, 3, 3))
    drawn, most = dict[str, Measured](), 0.0
    for count in product.counts:
        try:
            counted = [count(replace(context(product, period, *of, policy), drawn=drawn)) for of in (somebody, nobody)]
        except StepFailed as stopped:
            if stopped.code == "privacy.defect":  # rows that cannot be of one person stop the draw
                return None
            raise
        for one, other in zip(*counted, strict=True):
            most = max(most, float(squared_distance(one, other) / one.bound))
            drawn[one.level] = arbitrary(one)
    return most


@EACH
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**32), st.booleans())
def test_no_rows_of_a_person_count_more_than_the_bound(
    product: DataProduct, number: int, seed: int, alike: bool
) -> None:
    assert (nearness(product, number, seed, alike) or 0) <= 1


@EACH
def test_some_of_these_rows_are_counted(product: DataProduct) -> None:
    tried = (nearness(product, number, seed, alike=False) for number in (1, 24) for seed in range(10))
    assert max(each or 0 for each in tried) > LEAST


def test_every_table_of_the_lake_is_tried() -> None:
    assert {table for product in COUNTED for table in product.reads} == set(registry.lake_tables())
