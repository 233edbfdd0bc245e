"""A release at a glance: its largest places by hour, and how much of it is withheld; released numbers alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.messages import people_notes
from flows.release_preview import preview, shares
from tasks.privacy.bounds import LevelRule
from tasks.refs import DeliveryRef, Outcome
from tasks.withheld import mostly_withheld, thin_levels, withheld

START = datetime(2026, 3, 2, 23, tzinfo=UTC)
RULE = LevelRule("zone_hour", Decimal(32), 24, 96)


def figures(shown: Mapping[tuple[str, int], float], zones: tuple[str, ...] = ("Z1", "Z2"), hours: int = 24) -> pa.Table:
    """A release of zones and hours: what is not shown is withheld."""
    keys = [(zone, hour) for zone in zones for hour in range(hours)]
    values = [shown.get(key) for key in keys]
    return pa.table(
        {
            "level": pa.repeat("zone_hour", len(keys)),
            "zone_id": [zone for zone, _ in keys],
            "hour_start": pa.array([START + timedelta(hours=hour) for _, hour in keys], pa.timestamp("s", "UTC")),
            "value": pa.array(values, pa.float64()),
            "status": ["withheld_small" if value is None else "estimate" for value in values],
        }
    )


def test_each_hour_of_a_place_is_a_bar_and_what_is_withheld_a_dot() -> None:
    scale, one, other, _ = preview(figures({("Z1", 0): 100.0, ("Z1", 23): 800.0, ("Z2", 12): 400.0}), "zone_hour")
    assert one == "Z1  ▂" + 22 * "·" + "█"
    assert other == "Z2  " + 12 * "·" + "▅" + 11 * "·"
    assert scale.index("12") == len("Z2  ") + 12


def test_the_largest_places_come_first_and_no_more_than_a_few() -> None:
    zones = tuple(f"Z{n:02d}" for n in range(30))
    lines = preview(figures({(zone, 3): 100.0 + n for n, zone in enumerate(zones)}, zones), "zone_hour")
    assert [line.split()[0] for line in lines[1:9]] == [f"Z{n:02d}" for n in range(29, 21, -1)]
    assert "8 largest of 30" in lines[-1]
    assert len(lines) == 10


def test_a_release_of_which_nothing_is_shown_or_that_has_no_hours_has_no_picture() -> None:
    assert preview(figures({}), "zone_hour") == []
    assert preview(pa.table({"level": ["a"], "value": [1.0]}), "a") == []
    assert preview(pa.table({"level": ["a"], "zone_id": ["a"], "to_zone_id": ["b"], "value": [1.0]}), "a") == []


def test_releases_on_which_people_rest_are_named_with_their_commands() -> None:
    assert people_notes(()) == []
    what, commands = people_notes([("detection", "2026-03-03"), ("dwell", "2026-03-03")])
    assert "not corrected for stays that events miss" in what
    assert commands.endswith("throng publish detection 2026-03-03 && throng publish dwell 2026-03-03")
    assert "not estimated" in people_notes([("footfall", "2026-03-03")])[0]


@pytest.mark.parametrize(("product", "named"), [("visitors", True), ("dwell", True), ("footfall", False)])
def test_a_backfill_of_one_product_says_what_its_people_rest_on(
    home: Path, landing: Path, product: str, named: bool
) -> None:
    ran = CliRunner().invoke(app, ["backfill", "2026-03-01", "2026-03-01", "--product", product, "--dry-run"])
    assert ran.exit_code == 0, ran.output
    assert ("detection" in ran.output) == named


def test_the_share_that_is_withheld_is_told_by_level() -> None:
    table = figures({("Z1", hour): 200.0 for hour in range(12)})
    (said,) = shares(table, [RULE])
    assert "36 of 48 numbers withheld (75%)" in said
    assert withheld(table) == 36
    many = pa.table({"level": ["zone_hour"] * 400, "status": ["withheld_small"] * 399 + ["estimate"]})
    assert shares(many, [RULE]) == ["zone_hour: 399 of 400 numbers withheld (over 99%) as smaller than 96"]
    assert shares(table.slice(0, 0), [RULE]) == ["zone_hour: 0 of 0 numbers withheld as smaller than 96"]


def test_levels_that_are_computed_have_no_rule_and_a_share_too() -> None:
    week = leveled({"zone_dwell": (9, 10), "dwell_time": (3, 4)})
    assert [line.partition(" numbers")[0] for line in shares(week, [])] == ["zone_dwell: 9 of 10", "dwell_time: 3 of 4"]


def leveled(counts: Mapping[str, tuple[int, int]]) -> pa.Table:
    """A release of levels, by the numbers that each withholds and has."""
    rows = [(level, n < hidden) for level, (hidden, whole) in counts.items() for n in range(whole)]
    status = ["withheld_small" if small else "estimate" for _, small in rows]
    return pa.table({"level": [level for level, _ in rows], "status": status})


def test_a_level_is_thin_from_four_fifths_withheld_on() -> None:
    assert thin_levels("footfall", leveled({"zone_hour": (79, 100), "district_hour_demographic": (8, 10)})) == [
        "district_hour_demographic"
    ]
    assert thin_levels("footfall", leveled({"zone_hour": (0, 0)})) == []


def test_thin_pairs_of_zones_are_expected_and_thin_pairs_of_districts_are_not() -> None:
    pairs = {"zone_pair": (100, 100), "outflow": (0, 9)}
    assert thin_levels("origin_destination", leveled({"district_pair": (1, 9), **pairs})) == []
    assert thin_levels("origin_destination", leveled({"district_pair": (9, 9), **pairs})) == ["district_pair"]
    sent = DeliveryRef("nordmarkt", "", "2026-03-01", 1, 1, Outcome.DELIVERED, "", "", rows=100, withheld=90)
    assert [mostly_withheld(replace(sent, product=name)) for name in ("footfall", "origin_destination")] == [
        True,
        False,
    ]
