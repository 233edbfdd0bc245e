"""zones.geojson as operators have it: what is refused by name, and what is read over."""

import json
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import GeometryCollection, Polygon, box, mapping

from tasks.errors import RejectedInput
from tasks.mobility.zone_file import read_zones
from tests.unit.mobility.test_zones import feature, parsed, square, zones_of


def refused(content: Any) -> Any:
    with pytest.raises(RejectedInput) as error:
        parsed(content)
    return str(error.value)


def refused_zone(bad: Any) -> Any:
    return refused(json.dumps({"type": "FeatureCollection", "features": [feature("a", square(0, 0)), bad]}).encode())


@pytest.mark.parametrize(
    "value", [1, 0, "yes", "true", "True", "1", "false", "", None, [], {}, 1.0], ids=lambda value: json.dumps(value)
)
def test_a_flag_that_is_neither_true_nor_false_is_refused(value: Any) -> None:
    said = refused_zone(feature("hospital", square(1, 0), sensitive=value))
    assert "hospital" in said
    assert "sensitive" in said


@pytest.mark.parametrize("key", ["Sensitive", "SENSITIVE", " sensitive", "sensitive ", "sensi tive", "\ufeffsensitive"])
def test_a_flag_by_nearly_the_right_name_is_refused(key: str) -> None:
    assert "hospital" in refused_zone(feature("hospital", square(1, 0), **{key: True}))  # type: ignore[arg-type]


def test_a_flag_given_twice_is_refused() -> None:
    content = json.dumps({"features": [feature("a", square(0, 0), sensitive=True)]})
    assert "sensitive" in refused(
        content.replace('"sensitive": true', '"sensitive": true, "sensitive": false').encode()
    )


def test_a_flag_is_read_as_it_stands() -> None:
    zones = zones_of(
        feature("a", square(0, 0), sensitive=True),
        feature("b", square(1, 0), sensitive=False),
        feature("c", square(2, 0), area_type="rural", sensitivity=3),
    )
    assert [zone.sensitive for zone in zones] == [True, False, False]
    assert [zone.area_type for zone in zones] == [None, None, "rural"]


@pytest.mark.parametrize("key", ["zone_id", "parent_id"])
@pytest.mark.parametrize("value", [None, 7, 7.5, True, "", ["a"], "a/b", "a" * 65])
def test_an_id_is_text_of_plain_letters(key: str, value: Any) -> None:
    said = refused_zone(feature(**{"zone_id": "b", "shape": square(1, 0), key: value}))
    assert "feature 2" in said
    assert key in said


@pytest.mark.parametrize("key", ["name", "area_type"])
@pytest.mark.parametrize("value", [7, "", " ", "two\nlines", "\x1b[31m", "x" * 201, True])
def test_a_name_is_one_line_of_text(key: str, value: Any) -> None:
    said = refused_zone(feature("b", square(1, 0), **{key: value}))
    assert "zone b" in said
    assert key in said


def test_a_zone_without_name_is_called_by_its_id() -> None:
    bare = feature("b", square(0, 0), area_type=None)
    del bare["properties"]["name"]
    assert zones_of(bare)[0].name == "b"
    assert "name" in refused_zone(feature("b", square(1, 0), name=None))


@pytest.mark.parametrize("wrong", [{"zone_id": "+49 15155500001"}, {"parent_id": "jane doe\x1b[31m"}])
def test_a_value_that_is_no_id_is_not_shown(wrong: Any) -> None:
    said = refused_zone(feature(**{"zone_id": "b", "shape": square(1, 0), **wrong}))
    assert not [value for value in ("15155500001", "jane", "31m") if value in said]


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {},
        "POLYGON",
        {"type": "Polygon", "coordinates": [[[13, 52], ["x", 53], [14, 52], [13, 52]]]},
        {"type": "Polygon", "coordinates": [[[13, 52], [14, 53], [14, 52], [13, 53], [13, 52]]]},
        {"type": "Polygon", "coordinates": []},
        mapping(GeometryCollection([square(1, 0)])),
        mapping(square(1, 0).boundary),
        mapping(box(500_000, 5_000_000, 500_100, 5_000_100)),
        mapping(box(13.2, 52.0, 13.2 + 1e-8, 52.1)),
    ],
    ids=str,
)
def test_a_shape_that_is_no_polygon_in_degrees_is_refused_by_zone(geometry: Any) -> None:
    assert "zone b" in refused_zone({**feature("b", square(1, 0)), "geometry": geometry})


def test_heights_are_read_over() -> None:
    solid = {"type": "Polygon", "coordinates": [[[13, 52, 9], [14, 52, 9], [14, 53, 9], [13, 52, 9]]]}
    assert zones_of({**feature("b", square(1, 0)), "geometry": solid})[0].geometry.equals(
        Polygon([(13, 52), (14, 52), (14, 53)])
    )


@pytest.mark.parametrize("bad", [7, None, {"type": "Feature"}, {"properties": None}, {"properties": {}}])
def test_a_feature_without_properties_is_named_by_its_number(bad: Any) -> None:
    assert "feature 2" in refused_zone(bad)


def test_ids_that_appear_twice_and_zones_that_overlap_are_named() -> None:
    assert "twice: a" in refused_zone(feature("a", square(1, 0)))
    assert "a and b" in refused_zone(feature("b", square(0.5, 0)))
    zones_of(feature("a", square(0, 0)), feature("b", square(0.9999, 0)))


def test_more_than_five_names_are_counted() -> None:
    overlapping = [feature(f"z{n}", square(0, 0)) for n in range(4)]
    assert "and 1 more" in refused(json.dumps({"features": overlapping}).encode())


def test_more_zones_than_a_key_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.mobility.zone_file.ZONES", 1)
    assert "2 zones" in refused_zone(feature("b", square(1, 0)))


def collection(name: str = "Zone a", **members: Any) -> Any:
    return json.dumps({"features": [feature("a", square(0, 0), name=name)], **members}, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_another_encoding_is_named_with_what_to_do(encoding: str) -> None:
    content = collection("Köln – West" if encoding != "latin-1" else "Köln").encode(encoding)
    said = refused(content)
    assert "UTF-8" in said


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "zones.geojson"
    path.write_bytes(b"\xef\xbb\xbf" + collection("Köln").encode())
    assert read_zones(path)[0].name == "Köln"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput):
        read_zones(tmp_path / "zones.geojson")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b'{"features": []}',
        b'{"features": 3}',
        b'{"features": [NaN]}',
        b"[" * 100_000,
        b'{"features": [' + b"9" * 5000 + b"]}",
        b'{"type": "Topology", "objects": {}}',
    ],
    ids=lambda content: content[:20].decode(),
)
def test_what_is_not_geojson_is_refused(content: Any) -> None:
    assert "zones.geojson" in refused(content)


@pytest.mark.parametrize("crs", ["urn:ogc:def:crs:EPSG::25832", "EPSG:3857", "", None])
def test_another_reference_system_is_named(crs: str | None) -> None:
    assert "WGS 84" in refused(collection(crs={"type": "name", "properties": {"name": crs}}).encode())


def test_a_reference_system_that_cannot_be_read_is_refused() -> None:
    assert "WGS 84" in refused(collection(crs="25832").encode())


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
def test_wgs_84_may_be_said(name: str) -> None:
    assert parsed(collection(crs={"type": "name", "properties": {"name": name}}).encode())[0].zone_id == "a"
