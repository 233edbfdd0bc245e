"""Shares of a total and persons per square kilometre, as a client has them."""

import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from tasks.deliverable.files import Rendered, render
from tasks.deliverable.gate import check_delivery, checks
from tasks.deliverable.level_view import LevelView
from tasks.deliverable.serialisation import as_text
from tasks.deliverable.signature import public_key
from tasks.deliverable.verify import verify
from tasks.deliverable.view import DeliveryView, ReleaseView
from tasks.period import Cadence, Period
from tests.plain_validator import plain
from tests.unit.deliverable.factories import (
    DISTRICT,
    SIGNING_KEY,
    ZONE,
    dimension,
    document,
    grant_view,
    manifest,
    release_table,
    release_view,
    rendered,
    stored,
    text,
    zones_view,
)

MONTH = Period.holding(Cadence.MONTH, date(2026, 3, 1))
HOME = replace(dimension("home_district_id", "North", "South", "unknown"), named_by="district")
CATCHMENT = LevelView(
    "zone_home",
    "Visitors of the month by home district.",
    (ZONE, HOME),
    frozenset({"home_district_id"}),
    Decimal(24),
    16,
    72,
    reading="visited",
    share_within=("zone_id",),
)
RELEASE = release_view(product="catchment", period=MONTH, levels=(CATCHMENT,))
FORMATS = grant_view("Z01", "Z02", formats=("csv", "csv_de", "xlsx"))


def with_shares(release: ReleaseView) -> pa.Table:
    """The release, with the share 0.31256 also in rows that are not shown, and none for a home that is unknown."""
    table = release_table(release)
    small, unknown = (pc.equal(table["home_district_id"], home) for home in ("South", "unknown"))
    status = pc.if_else(small, "withheld_small", "estimate")
    table = table.set_column(table.column_names.index("status"), "status", status)
    for name, number in {"value": 600.0, "low": 560.5, "high": 639.5, "se": 24.0}.items():
        table = table.set_column(table.column_names.index(name), name, pa.repeat(number, table.num_rows))
    for name, number in {"share": 0.31256, "share_low": 0.25119, "share_high": 0.37392}.items():
        table = table.append_column(name, pc.if_else(unknown, None, pa.scalar(number)))
    return table


def delivered(table: pa.Table) -> Rendered:
    made = render(RELEASE, table, zones_view(), FORMATS, DeliveryView(1), SIGNING_KEY)
    check_delivery(RELEASE, made.places, made.tables, plain)
    sizes = {name: len(content) for name, content in made.files.items()}
    verify(sizes, made.files.__getitem__, public_key(SIGNING_KEY))
    return made


GOOD = delivered(with_shares(RELEASE))


def test_a_share_has_four_decimals_an_interval_and_no_number_where_the_row_has_none() -> None:
    rows = stored(GOOD, "zone_home").to_pylist()
    assert {(row["status"], row["share"], row["share_low"], row["share_high"]) for row in rows} == {
        ("estimate", 0.3126, 0.2511, 0.374),
        ("estimate", None, None, None),
        ("withheld_small", None, None, None),
    }
    assert {(row["status"], row["persons"]) for row in rows} == {("estimate", 600), ("withheld_small", None)}
    assert ";600;" not in "".join(line for line in text(GOOD, "zone_home.de.csv").splitlines() if "small" in line)


def test_a_row_names_a_place_that_every_client_receives() -> None:
    rows = stored(GOOD, "zone_home").to_pylist()
    assert {row["zone_id"] for row in rows} == {"Z01", "Z02"}
    homes = {(row["home_district_id"], row["home_district_name"]) for row in rows}
    assert homes == {("North", "Nordstadt"), ("South", "South"), ("unknown", "unknown")}


def test_a_client_of_single_zones_gets_the_shapes_of_all_districts_that_its_rows_name() -> None:
    folder = manifest(GOOD)["reference"]
    found = {name: json.loads(GOOD.files[f"{folder}/{name}.geojson"])["features"] for name in ("zones", "districts")}
    assert [each["properties"]["zone_id"] for each in found["zones"]] == ["Z01", "Z02"]
    districts = {each["properties"]["district_id"]: each["geometry"]["type"] for each in found["districts"]}
    assert districts == {"North": "Polygon", "South": "Polygon"}


def test_contract_manifest_and_read_me_say_what_a_share_is_part_of() -> None:
    (table,) = yaml.safe_load(text(GOOD, "contract.yaml"))["schema"]
    share = next(each for each in table["properties"] if each["name"] == "share")
    assert share["quality"][0]["query"].endswith("${property} IS NOT NULL AND status <> 'estimate'")
    assert "of the same zone_id" in share["description"]
    assert manifest(GOOD)["schema"]["share_within"] == {"zone_home": ["zone_id"]}
    assert "sum over all rows of the same `zone_id`, withheld ones included" in text(GOOD)
    assert "Anteil;Anteil von;Anteil bis" in text(GOOD, "zone_home.de.csv")
    header, row, *_ = openpyxl.load_workbook(io.BytesIO(document(GOOD, "catchment.xlsx")))["zone_home"].iter_rows()
    assert {cell.value: form.number_format for cell, form in zip(header, row, strict=True)}["share"] == "0.0%"


def test_the_gate_finds_a_share_of_a_row_that_is_not_shown_or_outside_of_its_interval() -> None:
    (table,), (rows,) = RELEASE.tables, GOOD.tables.values()
    place = rows.column_names.index("share")
    for numbers, check in (
        (pc.fill_null(rows["share"], 0.3), "share is empty where the status is not estimate"),
        (pc.add(rows["share"], 0.1), "share is at most share_high"),
    ):
        broken = as_text(rows.set_column(place, rows.schema.field("share"), numbers))
        verdicts = plain(broken, list(checks(RELEASE, table, GOOD.places)))
        assert check in [each.check for each in verdicts if each.status == "failed"]


def test_levels_with_and_without_shares_have_tables_of_their_own() -> None:
    levels = (CATCHMENT, replace(CATCHMENT, name="zone_work", share_within=()))
    assert [table.name for table in replace(RELEASE, levels=levels).tables] == ["zone_home", "zone_work"]


@pytest.mark.parametrize("table", ["zone_hour", "district_hour_demographic"])
def test_a_density_is_delivered_persons_over_the_area_of_the_reference_data(table: str) -> None:
    delivery = rendered()
    key = "zone_id" if table == "zone_hour" else "district_id"
    name = "zones" if table == "zone_hour" else "districts"
    (reference,) = (body for path, body in delivery.files.items() if path.endswith(f"/{name}.parquet"))
    areas = pa.parquet.read_table(io.BytesIO(reference)).select([key, "area_km2"]).to_pylist()
    area = {row[key]: row["area_km2"] for row in areas}
    rows = stored(delivery, table).to_pylist()
    assert any(row["persons"] is None for row in rows)
    for row in rows:
        if row["persons"] is None:
            assert row["persons_per_km2"] is None
        else:
            assert row["persons_per_km2"] == pytest.approx(row["persons"] / area[row[key]], rel=0.005)
            assert float(f"{row['persons_per_km2']:.3g}") == row["persons_per_km2"]


def test_a_row_of_two_places_or_of_no_persons_has_no_density() -> None:
    assert "persons_per_km2" not in stored(GOOD, "zone_home").column_names
    pairs = replace(CATCHMENT, dimensions=(ZONE, replace(ZONE, name="destination_zone_id")), share_within=())
    assert replace(RELEASE, levels=(pairs,)).tables[0].area_of is None
    district = replace(CATCHMENT, dimensions=(DISTRICT,), additive=frozenset(), share_within=())
    assert replace(RELEASE, levels=(district,)).tables[0].area_of == DISTRICT
