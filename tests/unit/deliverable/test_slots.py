"""Footfall by slots of three hours: tables, columns and sentences of their own, beside those of hours."""

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest

from tasks.deliverable.files import Rendered
from tasks.deliverable.level_view import DimensionView, LevelView
from tasks.deliverable.statements import clock_change
from tasks.deliverable.view import ReleaseView
from tasks.products.footfall import PRODUCT
from tasks.release_metadata import level_views
from tests.unit.deliverable.factories import (
    AGE,
    DISTRICT,
    GENDER,
    ZONE,
    release_view,
    rendered,
    stored,
    text,
)
from tests.unit.products.counting import POLICY, SLOT_POLICY, context

DAY, SPRING, AUTUMN = date(2026, 3, 2), date(2026, 3, 29), date(2026, 10, 25)
PLACES = {dimension.name: dimension for dimension in (ZONE, DISTRICT, AGE, GENDER)}


def slots(day: date) -> ReleaseView:
    """A release by slots; the places are those of the factories' plan."""
    release = release_view(day)
    public = context(PRODUCT, release.period, {}, {}, SLOT_POLICY)
    made = level_views(PRODUCT, PRODUCT.rules(SLOT_POLICY, release.period.cadence, 24), public)
    return replace(release, levels=tuple(replace(level, dimensions=_placed(level)) for level in made))


def _placed(level: LevelView) -> tuple[DimensionView, ...]:
    return tuple(PLACES.get(dimension.name, dimension) for dimension in level.dimensions)


@pytest.fixture(scope="module")
def delivery() -> Rendered:
    return rendered(slots(DAY))


def test_a_table_of_slots_has_a_name_and_a_key_of_its_own(delivery: Rendered) -> None:
    table = stored(delivery, "zone_slot")
    keys = ["level", "zone_id", "zone_name", "slot_utc", "local_date", "local_slot", "utc_offset_minutes"]
    assert table.column_names[: len(keys)] == keys
    assert sorted(set(table["local_slot"].to_pylist())) == list(range(0, 24, 3))
    assert table.schema.field("slot_utc").type == pa.timestamp("us", "UTC")
    (said,) = (table.schema.field(name).metadata[b"description"].decode() for name in ["slot_utc"])
    assert said.startswith("When the slot of three local hours begins")
    assert "twice" not in table.schema.field("local_slot").metadata[b"description"].decode()


def test_the_read_me_speaks_of_slots_of_three_hours(delivery: Rendered) -> None:
    said = text(delivery)
    assert "8 local slots" in said
    example = said[said.index("## ") :]
    times = [f"{hour:02}:00 to {(hour + 3) % 24:02}:00" for hour in range(0, 24, 3)]
    assert any(each in example for each in times)
    assert "an slot" not in said


@pytest.mark.parametrize(
    ("day", "said"),
    [(SPRING, "forward: the slot from 00:00 to 03:00 has 2"), (AUTUMN, "back: the slot from 00:00 to 03:00 has 4")],
)
def test_a_slot_in_which_clocks_change_says_how_long_it_is(day: date, said: str) -> None:
    release = slots(day)
    assert clock_change(release) == f"On {day} clocks go {said} hours."
    starts = release.levels[0].instant
    assert starts
    assert len(starts.values) == 8
    assert {later - start for start, later in zip(starts.values[1:], starts.values[2:], strict=False)} == {
        timedelta(hours=3)
    }


def test_a_release_of_hours_reads_the_same_after_the_policy_took_slots() -> None:
    release = release_view(DAY)
    public = context(PRODUCT, release.period, {}, {}, SLOT_POLICY)
    made = level_views(PRODUCT, PRODUCT.rules(POLICY, release.period.cadence, 24), public)
    assert [level.name for level in made] == ["zone_hour", "district_hour_demographic"]
    assert [level.bound for level in made] == [24, 24]
