"""Numbers are delivered under the name and the unit of what they measure, in every file."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from tasks.deliverable.files import Rendered, render
from tasks.deliverable.gate import check_delivery
from tasks.deliverable.level_view import LevelView
from tasks.deliverable.signature import public_key
from tasks.deliverable.statements import additions, never_add
from tasks.deliverable.verify import verify
from tasks.deliverable.view import DeliveryView, ReleaseView
from tasks.period import Cadence, Period
from tasks.quantity import KILOMETRES, MINUTES, PEOPLE, PERSONS, TRIPS, VISITS, Quantity
from tests.plain_validator import plain
from tests.unit.deliverable.factories import (
    DISTRICT,
    ESTIMATE,
    SIGNING_KEY,
    ZONE,
    dimension,
    document,
    grant_view,
    lines,
    manifest,
    release_table,
    release_view,
    stored,
    text,
    zones_view,
)

ALL_FORMATS = grant_view(formats=("csv", "csv_de", "xlsx"))
PART = dimension("day_part", "morning", "evening")
STATISTIC = dimension("statistic", "median", "mean")


def level(name: str, quantity: Quantity, *more: object, computed: bool = False) -> LevelView:
    sigma, bound, threshold = (None, None, 0) if computed else (Decimal(36), 8, 108)
    dimensions = (ZONE, *more)
    return LevelView(name, f"The {name}.", dimensions, frozenset(), sigma, bound, threshold, quantity=quantity)  # type: ignore[arg-type]


LEVELS = (
    level("zone", PERSONS),
    level("zone_visits", VISITS),
    level("zone_day_part", MINUTES, PART, STATISTIC, computed=True),
)
RELEASE = release_view(product="stays", levels=LEVELS)


def verified(release: ReleaseView, delivery: Rendered) -> Rendered:
    check_delivery(release, delivery.places, delivery.tables, plain)
    sizes = {name: len(content) for name, content in delivery.files.items()}
    verify(sizes, delivery.files.__getitem__, public_key(SIGNING_KEY))
    return delivery


def with_minutes(release: ReleaseView) -> pa.Table:
    """The release, whose computed level has a skew interval around 34.56 minutes."""
    table = release_table(release)
    computed = pc.equal(table["level"], "zone_day_part")
    numbers = {"value": 34.56, "low": 30.11, "high": 44.44, "se": 4.2, "status": "estimate"}
    for name, number in numbers.items():
        column = pc.if_else(computed, pa.scalar(number), table[name])
        table = table.set_column(table.column_names.index(name), name, column)
    return table


GOOD = verified(
    RELEASE, render(RELEASE, with_minutes(RELEASE), zones_view(), ALL_FORMATS, DeliveryView(1), SIGNING_KEY)
)


def test_levels_of_equal_keys_and_another_quantity_have_a_table_of_their_own() -> None:
    assert {name: stored(GOOD, name).column_names[3:6] for name in ("zone", "zone_visits")} == {
        "zone": ["persons", "persons_low", "persons_high"],
        "zone_visits": ["visits", "visits_low", "visits_high"],
    }


def test_minutes_have_a_decimal_and_an_interval_that_need_not_be_symmetric() -> None:
    (row, *_) = stored(GOOD, "zone_day_part").to_pylist()
    assert (row["minutes"], row["minutes_low"], row["minutes_high"], row["se"]) == (34.6, 30.1, 44.5, 4.2)
    assert row["reliability"] == "usable", "half of 14.33 is 21 % of 34.56"
    assert text(GOOD).count("34.6") == 0, "the example is of the first table"


def test_the_unit_is_in_parquet_the_contract_and_the_manifest() -> None:
    assert stored(GOOD, "zone_day_part").schema.field("minutes").metadata[b"unit"] == b"min"
    tables = {table["name"]: table for table in yaml.safe_load(text(GOOD, "contract.yaml"))["schema"]}
    minutes = next(each for each in tables["zone_day_part"]["properties"] if each["name"] == "minutes_high")
    assert (minutes["logicalType"], minutes["customProperties"]) == ("number", [{"property": "unit", "value": "min"}])
    rules = [rule.get("query", "") for rule in tables["zone_visits"]["quality"]]
    assert any(rule.endswith("visits < 108") for rule in rules)
    stated = manifest(GOOD)
    assert [table["quantity"]["unit"] for table in stated["schema"]["tables"]] == ["persons", "visits", "min"]
    assert stated["privacy"]["sigma"] == {"zone": 36, "zone_visits": 36}
    assert stated["privacy"]["computed"] == ["zone_day_part"]


def test_the_read_me_says_which_levels_are_computed_from_the_noisy_numbers() -> None:
    content = text(GOOD)
    assert (
        "36 in `zone`, 36 in `zone_visits`.\n- Computed from these noisy numbers, without further cost: `zone_day_part`"
        in content
    )
    assert "`visits_low` and `visits_high`" in content
    assert "Never add minutes: they are no counts." in content


def test_a_workbook_and_german_files_name_the_quantity() -> None:
    book = openpyxl.load_workbook(io.BytesIO(document(GOOD, "stays.xlsx")))
    header, first, *_ = book["zone_day_part"].iter_rows()
    forms = {cell.value: first[place].number_format for place, cell in enumerate(header)}
    assert forms["minutes"] == "#,##0.0"
    german = text(GOOD, "zone_day_part.de.csv")
    assert "Minuten;Minuten von;Minuten bis;" in german
    assert "34,6;30,1;44,5;" in german


def test_the_notes_of_a_workbook_tell_columns_of_one_name_apart() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(document(GOOD, "stays.xlsx")))["notes"]
    rows = list(sheet.iter_rows(values_only=True))
    assert [text.split(",")[0] for name, text in rows if name.startswith("se ")] == [
        "Standard error of persons",
        "Standard error of visits",
        "Standard error of minutes",
    ]
    assert [name for name, _ in rows if name.startswith("se ")] == [
        "se (zone)",
        "se (zone_visits)",
        "se (zone_day_part)",
    ]
    assert [name for name, _ in rows].count("status") == 1


def test_people_stand_beside_counts_alone() -> None:
    release = replace(RELEASE, estimate=ESTIMATE)
    table = with_minutes(release)
    for name in ("people", "people_low", "people_high"):
        table = table.append_column(name, pc.multiply(table["value"], 10.0))
    granted = grant_view(formats=("csv_de",))
    delivery = verified(release, render(release, table, zones_view(), granted, DeliveryView(1), SIGNING_KEY))
    assert all(delivery.tables["zone"][name].null_count < 8 for name in PEOPLE)
    of_all = {name: [each for each in rows.column_names if "people" in each] for name, rows in delivery.tables.items()}
    assert of_all == {
        "zone": ["people", "people_low", "people_high"],
        "zone_visits": ["people", "people_low", "people_high"],
        "zone_day_part": [],
    }
    assert stored(delivery, "zone_visits").schema.field("people").metadata[b"unit"] == b"visits"
    assert "Alle Menschen;Alle Menschen von;" in text(delivery, "zone_visits.de.csv")


def test_a_folder_has_the_same_columns_before_and_after_the_first_census() -> None:
    before = render(RELEASE, with_minutes(RELEASE), zones_view(), grant_view(), DeliveryView(1), SIGNING_KEY)
    table = with_minutes(RELEASE)
    for name in ("people", "people_low", "people_high"):
        table = table.append_column(name, pc.multiply(table["value"], 10.0))
    estimated = replace(RELEASE, estimate=ESTIMATE)
    after = render(estimated, table, zones_view(), grant_view(), DeliveryView(2), SIGNING_KEY)
    for name, rows in before.tables.items():
        assert rows.schema.equals(after.tables[name].schema, check_metadata=True)
    empty = before.tables["zone"]["people"]
    assert empty.null_count == len(empty)
    schemas = [yaml.safe_load(text(each, "contract.yaml"))["schema"] for each in (before, after)]
    assert schemas[0] == schemas[1]


def test_no_format_shows_a_number_of_a_row_that_is_no_estimate() -> None:
    table = with_minutes(RELEASE)
    small = pc.equal(table["zone_id"], "Z02")
    status = pc.if_else(small, "withheld_small", table["status"])
    table = table.set_column(table.column_names.index("status"), "status", status)
    for name in ("value", "low", "high", "se"):
        kept = pc.if_else(small, 77.0, table[name])
        table = table.set_column(table.column_names.index(name), name, kept)
    delivery = verified(RELEASE, render(RELEASE, table, zones_view(), ALL_FORMATS, DeliveryView(1), SIGNING_KEY))
    for name, rows in delivery.tables.items():
        numbers = [field for field in rows.column_names if pa.types.is_floating(rows[field].type)]
        hidden = rows.filter(pc.not_equal(rows["status"], "estimate"))
        assert hidden.num_rows
        assert all(hidden[field].null_count == hidden.num_rows for field in [*numbers, "reliability"])
        assert not [line for line in lines(delivery, name) if "77" in line.values() or "77.0" in line.values()]
        assert ";77" not in text(delivery, f"{name}.de.csv")
    book = openpyxl.load_workbook(io.BytesIO(document(delivery, "stays.xlsx")))
    assert not [cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell == 77]


@pytest.mark.parametrize(
    ("quantity", "cadence", "sentence"),
    [
        (VISITS, Cadence.DAY, "Values may be added over `zone_id` and days."),
        (TRIPS, Cadence.WEEK, "Values may be added over `zone_id` and weeks."),
        (PERSONS, Cadence.MONTH, "Values may be added over `zone_id`."),
    ],
)
def test_what_happens_once_may_be_added_over_periods(quantity: Quantity, cadence: Cadence, sentence: str) -> None:
    each = replace(level("zone", quantity), additive=frozenset({"zone_id"}))
    assert additions(each, cadence, "`") == sentence


def test_what_may_never_be_added_depends_on_what_is_measured() -> None:
    week = Period.holding(Cadence.WEEK, date(2026, 3, 2))
    assert never_add(release_view(levels=(level("trips", TRIPS),))) == ""
    assert "persons over weeks:" in never_add(release_view(period=week, levels=(level("zone", PERSONS),)))
    computed = (level("stays", MINUTES, PART), level("far", KILOMETRES, DISTRICT))
    assert "Never add minutes or kilometres: they are no counts." in never_add(release_view(levels=computed))
    assert "Never add kilometres" in never_add(release_view(levels=(level("far", KILOMETRES, DISTRICT),)))
    assert "persons over hours or days:" in never_add(release_view())
