"""A product's count becomes a release: every declared key of every level, by its rule."""

import dataclasses
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import StepFailed
from tasks.mobility.tables import PRESENCE
from tasks.period import Period
from tasks.privacy.bounds import Contributions
from tasks.products import footfall
from tasks.products.draw import counted
from tasks.products.spec import CountContext
from tests.unit.privacy.sources import Silence
from tests.unit.products.counting import context
from tests.unit.products.test_footfall import presence

DAY = Period.day(date(2026, 3, 2))


def test_a_release_has_a_row_for_every_key_and_the_columns_of_its_dimensions() -> None:
    rows = {"presence": [presence({(person, 5): 0 for person in range(200)})]}
    facts = context(footfall.PRODUCT, DAY, dict.fromkeys(range(200), (1, 1)), rows)
    draw = counted(footfall.PRODUCT, facts, Silence())
    table = draw().table
    keys = ["zone_id", "hour_start", "district_id", "age_band", "gender"]
    assert table.column_names == ["level", *keys, "value", "se", "low", "high", "status"]
    assert table.num_rows == 3 * 24 + 2 * 24 * 18
    shown = table.filter(pa.compute.equal(table["status"], "estimate")).select(["level", "value"]).to_pylist()
    assert [row["level"] for row in shown] == ["zone_hour", "district_hour_demographic"]


def test_a_later_stage_counts_by_the_noisy_levels_of_the_earlier_one() -> None:
    zone_hour, by_group = footfall.PRODUCT.levels

    def first(context: CountContext) -> list[Contributions]:
        return [context.counter(zone_hour).contributions()]

    def second(context: CountContext) -> list[Contributions]:
        assert list(context.drawn) == ["zone_hour"]
        return [context.counter(by_group).contributions()]

    staged = dataclasses.replace(footfall.PRODUCT, counts=(first, second))
    table = counted(staged, context(footfall.PRODUCT, DAY, {}, {}), Silence())().table
    assert table.num_rows == 3 * 24 + 2 * 24 * 18


def _reads_rows(context: CountContext) -> Any:
    return list(context.rows(PRESENCE))


def test_what_is_released_without_noise_cannot_depend_on_rows() -> None:
    facts = context(footfall.PRODUCT, DAY, {}, {"presence": []})
    with pytest.raises(StepFailed):
        counted(dataclasses.replace(footfall.PRODUCT, statuses=_reads_rows), facts, Silence())
