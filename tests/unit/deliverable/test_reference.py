"""Reference data: zones and districts as map tools read them, and what became of the zones of earlier plans."""

import csv
import io
import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box, mapping

from tasks.deliverable.files import Rendered
from tasks.deliverable.shapes import areas_km2, overlaps, united
from tasks.deliverable.view import DeliveryView, ZonesView
from tests.unit.deliverable.factories import grant_view, manifest, rendered, stored, zones_view

TOTAL_KM2 = 510_065_621.724
"""The surface of the WGS 84 ellipsoid (Moritz 2000)."""
NAMES = {"zones.parquet", "zones.geojson", "districts.parquet", "districts.geojson", "successors.csv"}


def file(delivery: Rendered, name: str) -> bytes:
    return delivery.files[f"{manifest(delivery)['reference']}/{name}"]


def table(delivery: Rendered, name: str = "zones") -> pa.Table:
    return pq.read_table(io.BytesIO(file(delivery, f"{name}.parquet")))


def features(delivery: Rendered, name: str = "zones") -> list[dict[str, Any]]:
    return list(json.loads(file(delivery, f"{name}.geojson"))["features"])


def other_plan(*shapes: Any, version: str = "fedcba987654") -> ZonesView:
    """Z01, Z02 ... of district North with these shapes."""
    ids = tuple(f"Z{n:02}" for n in range(1, len(shapes) + 1))
    parts = [{"properties": {"zone_id": z}, "geometry": mapping(s)} for z, s in zip(ids, shapes, strict=True)]
    geojson = json.dumps({"features": parts}).encode()
    return ZonesView(version, ids, ids, ("North",) * len(ids), {"North": "Nordstadt"}, {}, geojson)


def test_places_are_named_with_their_districts_and_areas() -> None:
    delivery = rendered(grant=grant_view("North"))
    rows = table(delivery).drop_columns(["geometry", "area_km2"]).to_pylist()
    assert rows == [
        {"zone_id": "Z01", "zone_name": "Altstadt", "district_id": "North", "district_name": "Nordstadt"},
        {"zone_id": "Z02", "zone_name": "Bahnhof", "district_id": "North", "district_name": "Nordstadt"},
    ]
    (district,) = table(delivery, "districts").to_pylist()
    assert (district["district_id"], district["district_name"]) == ("North", "Nordstadt")
    assert district["area_km2"] == pytest.approx(sum(table(delivery)["area_km2"].to_pylist()), abs=2e-6)


def test_rows_of_the_data_join_zones_and_districts_by_id_and_carry_their_names() -> None:
    delivery = rendered()
    data = stored(delivery).join(table(delivery).drop_columns("geometry"), "zone_id", right_suffix=" of zone")
    assert data["zone_name"].to_pylist() == data["zone_name of zone"].to_pylist()
    districts = stored(delivery, "district_hour_demographic")
    assert {*zip(districts["district_id"].to_pylist(), districts["district_name"].to_pylist(), strict=True)} == {
        ("North", "Nordstadt"),
        ("South", "South"),
    }


def test_the_geojson_follows_its_standard_to_the_letter() -> None:
    """RFC 7946: no crs, outer rings counterclockwise; seven decimals."""
    for name in ("zones", "districts"):
        document = json.loads(file(rendered(), f"{name}.geojson"))
        assert set(document) == {"type", "features"}
        for feature in document["features"]:
            shape = shapely.geometry.shape(feature["geometry"])
            assert all(part.exterior.is_ccw for part in shapely.get_parts(shape))
            assert shapely.equals(shapely.set_precision(shape, 1e-7), shape)
            assert "geometry" not in feature["properties"]


def test_the_geoparquet_says_how_to_read_it_and_holds_the_same_as_the_geojson() -> None:
    for name in ("zones", "districts"):
        rows = table(rendered(), name)
        geo = json.loads(rows.schema.metadata[b"geo"])
        assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
        column = geo["columns"]["geometry"]
        assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Polygon"])
        assert column["bbox"] == [8.0, 50.0, 8.4, 50.1]
        for row, feature in zip(rows.to_pylist(), features(rendered(), name), strict=True):
            shape = shapely.from_wkb(row.pop("geometry"))
            assert (row, json.loads(json.dumps(mapping(shape)))) == (feature["properties"], feature["geometry"])


def test_a_client_without_a_whole_district_gets_an_empty_table_of_them() -> None:
    delivery = rendered(grant=grant_view("Z01"))
    assert table(delivery, "districts").num_rows == 0
    assert features(delivery, "districts") == []
    assert "bbox" not in json.loads(table(delivery, "districts").schema.metadata[b"geo"])["columns"]["geometry"]


def test_reference_data_is_one_folder_for_every_delivery_of_a_plan_and_grant() -> None:
    one, two = rendered(), rendered(delivery=DeliveryView(2))
    folder = manifest(one)["reference"]
    assert folder.startswith("reference/zone_plan=abc123def456/content=")
    assert {path for path in one.files if path.startswith("reference/")} == {f"{folder}/{name}" for name in NAMES}
    assert manifest(two)["reference"] == folder
    assert manifest(rendered(grant=grant_view("North")))["reference"] != folder
    assert manifest(rendered(plan=replace(zones_view(), version="0")))["reference"] != folder


def test_successors_say_which_part_of_each_zone_went_where() -> None:
    """The old Z01 became Z01 and Z02; the old Z02 lies elsewhere."""
    assert rows_of(rendered()) == []
    old = other_plan(box(8, 50, 8.2, 50.1), box(20, 50, 21, 51))
    later = rendered(delivery=DeliveryView(1, None, {old.version: [file(rendered(plan=old), "zones.geojson")]}))
    assert rows_of(later) == [
        (old.version, "Z01", "abc123def456", "Z01", 0.5),
        (old.version, "Z01", "abc123def456", "Z02", 0.5),
        ("abc123def456", "Z01", old.version, "Z01", 1.0),
        ("abc123def456", "Z02", old.version, "Z01", 1.0),
    ]


def rows_of(delivery: Rendered) -> list[tuple[Any, ...]]:
    rows = csv.DictReader(io.StringIO(file(delivery, "successors.csv").decode()))
    return [(*[row[name] for name in list(row)[:4]], float(row["share_of_area"])) for row in rows]


def test_zones_of_one_earlier_plan_that_came_with_two_grants_are_one_plan() -> None:
    old = other_plan(box(8, 50, 8.1, 50.1), box(8.1, 50, 8.2, 50.1))
    parts = [file(rendered(plan=old, grant=grant_view(zone)), "zones.geojson") for zone in old.zone_ids]
    delivery = rendered(grant=grant_view("Z02"), delivery=DeliveryView(1, None, {old.version: parts}))
    assert {row[1::2] for row in rows_of(delivery)} == {("Z02", "Z02")}


@given(st.lists(st.floats(0.001, 0.999), max_size=4, unique=True), st.lists(st.floats(0.001, 0.999), max_size=4))
def test_two_plans_of_one_area_share_it_wholly_both_ways(here: list[float], there: list[float]) -> None:
    """Cut by other lines, and turned: corners of one plan lie on edges of the other."""
    one, two = strips(here, upright=True), strips(there, upright=False)
    whole: dict[str, float] = defaultdict(float)
    for zone, other, share, share_of_other in overlaps(one, two):
        whole[zone] += share
        whole[other] += share_of_other
    assert [whole[zone] for zone in (*one, *two)] == pytest.approx([1] * len((*one, *two)), abs=1e-6)


def strips(cuts: list[float], upright: bool) -> dict[str, Any]:
    """A slanted square of 70 km, cut into strips."""
    square = shapely.Polygon([(8, 50), (9, 50.2), (8.9, 51), (7.9, 50.8)])
    edges = [-inf, *sorted(set(cuts)), inf]
    limits = [(max(a, -1), min(b, 2)) for a, b in pairwise(edges)]
    cut = [
        box(7.5 + 2 * a, 49, 7.5 + 2 * b, 52) if upright else box(7, 49.5 + 2 * a, 10, 49.5 + 2 * b) for a, b in limits
    ]
    parts = [part for part in (square.intersection(each) for each in cut) if part.area > 1e-6]
    return {f"{upright} {n}": part for n, part in enumerate(parts)}


def test_areas_are_those_of_the_ellipsoid() -> None:
    assert areas_km2([box(-180, -90, 180, 90)])[0] == pytest.approx(TOTAL_KM2, rel=1e-4)
    bands = [box(-180, south, 180, south + 1) for south in range(-90, 90)]
    assert sum(areas_km2(bands)) == pytest.approx(TOTAL_KM2, rel=1e-9)
    ring = box(8, 50, 9, 51).difference(box(8.4, 50.4, 8.6, 50.6))
    assert areas_km2([ring])[0] == pytest.approx(
        areas_km2([box(8, 50, 9, 51)])[0] - areas_km2([box(8.4, 50.4, 8.6, 50.6)])[0]
    )


def test_districts_are_one_shape_or_several_parts() -> None:
    one, two = united(
        [[box(8, 50, 8.1, 50.1), box(8.1, 50, 8.2, 50.1)], [box(8, 50, 8.1, 50.1), box(9, 50, 9.1, 50.1)]]
    )
    assert one.equals(box(8, 50, 8.2, 50.1))
    assert two.geom_type == "MultiPolygon"
