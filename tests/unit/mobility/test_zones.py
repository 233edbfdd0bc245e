"""The zone plan: what is refused by name, and what becomes of sensitive zones."""

import json

import numpy as np
import pytest
from shapely.geometry import box, mapping

from tasks.errors import RejectedInput
from tasks.mobility.zones import load_zone_plan, parse_zone_plan


def feature(zone_id, shape, parent_id="d1", **properties):
    properties = {"zone_id": zone_id, "name": f"Zone {zone_id}", "parent_id": parent_id, **properties}
    return {"type": "Feature", "properties": properties, "geometry": mapping(shape)}


def plan_of(*features):
    return parse_zone_plan(json.dumps({"type": "FeatureCollection", "features": features}).encode(), "zones.geojson")


def square(x, y, width=0.1, height=0.1):
    return box(13 + x * 0.1, 52 + y * 0.1, 13 + x * 0.1 + width, 52 + y * 0.1 + height)


def refused(*features):
    with pytest.raises(RejectedInput) as error:
        plan_of(*features)
    return str(error.value)


def test_zones_are_sorted_by_id_and_know_their_district():
    plan = plan_of(feature("b", square(1, 0), "d2"), feature("a", square(0, 0)), feature("c", square(2, 0), "d2"))
    assert (plan.zone_ids, plan.districts, plan.district.tolist()) == (("a", "b", "c"), ("d1", "d2"), [0, 1, 1])
    assert plan.names == ("Zone a", "Zone b", "Zone c")


def test_the_order_of_features_does_not_change_the_version():
    a, b = feature("a", square(0, 0)), feature("b", square(1, 0))
    assert plan_of(a, b).version == plan_of(b, a).version
    assert plan_of(a, b).version != plan_of(a, feature("b", square(1, 1))).version


def test_a_sensitive_zone_goes_to_the_same_district_neighbour_with_the_longest_common_border():
    hospital = feature("h", box(13.1, 52.0, 13.12, 52.1), sensitive=True)
    plan = plan_of(
        hospital,
        feature("north", box(13.1, 52.1, 13.2, 52.2)),
        feature("west", square(0, 0)),
        feature("east", box(13.12, 52.0, 13.2, 52.1), "d2"),
    )
    assert plan.merged == {"h": "west"}
    assert plan.zone_ids == ("east", "north", "west")
    west = plan.geometries[2]
    assert west.area == pytest.approx(0.012)
    assert west.geom_type == "Polygon"


def test_borders_are_compared_in_metres_not_in_degrees():
    shrine = feature("s", box(13.0, 60.0, 13.015, 60.01), sensitive="true")
    plan = plan_of(shrine, feature("n", box(13, 60.01, 13.015, 60.1)), feature("w", box(12.9, 60.0, 13.0, 60.01)))
    assert plan.merged == {"s": "w"}, "0.015 degrees of longitude are shorter than 0.01 of latitude at 60 north"


def test_an_enclave_goes_into_the_zone_around_it():
    ring = square(0, 0).difference(box(13.04, 52.04, 13.06, 52.06))
    plan = plan_of(feature("prison", box(13.04, 52.04, 13.06, 52.06), sensitive=True), feature("ring", ring))
    assert plan.geometries[0].equals(square(0, 0))


def test_a_sensitive_zone_among_sensitive_ones_waits_until_one_of_them_is_taken_in():
    plan = plan_of(
        feature("s1", square(0, 0), sensitive=True),
        feature("s2", square(1, 0), sensitive=True),
        feature("z", square(2, 0)),
    )
    assert plan.merged == {"s1": "z", "s2": "z"}
    assert plan.geometries[0].area == pytest.approx(0.03)


def test_a_sensitive_zone_that_only_touches_a_corner_or_another_district_is_refused():
    text = refused(
        feature("s", square(0, 0), sensitive=True), feature("corner", square(1, 1)), feature("o", square(1, 0), "d2")
    )
    assert "sensitive zones without a neighbour in their district: s." in text


def test_the_stored_plan_is_read_back_as_it_was():
    plan = plan_of(feature("s", square(0, 0), sensitive=True, area_type="urban"), feature("z", square(1, 0)))
    again = parse_zone_plan(plan.geojson(), "stored")
    assert (again.merged, again.version, again.zone_ids) == (plan.merged, plan.version, plan.zone_ids)
    assert again.geojson() == plan.geojson()
    assert [f["properties"]["zone_id"] for f in json.loads(plan.geojson())["features"]] == ["z"]


def test_overlapping_zones_are_refused_but_a_sliver_is_not():
    assert "zones overlap: a and b" in refused(feature("a", square(0, 0)), feature("b", square(0.5, 0)))
    plan_of(feature("a", square(0, 0)), feature("b", square(0.9999, 0)))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (feature("b", square(1, 0), parent_id=None), "parent_id of zone 'b' is missing"),
        (feature("a", square(1, 0)), "zone ids appear twice: a"),
        (feature("a/b", square(1, 0)), "zone_id of feature 2 must be 1 to 64 of"),
        (feature("", square(1, 0)), "zone_id of feature 2 is missing"),
        (feature("b", square(1, 0).boundary), "is a LineString"),
        (feature("b", box(500_000, 5_000_000, 500_100, 5_000_100)), "not in WGS 84"),
        ({**feature("b", square(1, 0)), "geometry": None}, "no readable geometry"),
        ({"type": "Feature", "properties": {}}, "no property zone_id"),
    ],
)
def test_a_bad_zone_is_refused_by_name(bad, words):
    assert words in refused(feature("a", square(0, 0)), bad)


@pytest.mark.parametrize("wrong", [{"zone_id": "+49 15155500001"}, {"parent_id": "jane doe\x1b[31m"}])
def test_a_value_that_is_no_id_is_not_shown(wrong):
    said = refused(feature("a", square(0, 0)), feature(**{"zone_id": "b", "shape": square(1, 0), **wrong}))
    assert "must be 1 to 64 of" in said
    assert not [value for value in ("15155500001", "jane", "31m") if value in said]


def test_a_polygon_that_crosses_itself_is_refused():
    bow = feature("b", square(1, 0))
    bow["geometry"] = {"type": "Polygon", "coordinates": [[[13, 52], [14, 53], [14, 52], [13, 53], [13, 52]]]}
    assert "zone b is invalid" in refused(feature("a", square(0, 0)), bow)


@pytest.mark.parametrize("content", [b"not json", b"[]", b'{"features": []}', b"\xff\xfe", b'{"features": 3}'])
def test_what_is_not_geojson_is_refused(content, tmp_path):
    path = tmp_path / "zones.geojson"
    path.write_bytes(content)
    with pytest.raises(RejectedInput, match="not a GeoJSON FeatureCollection"):
        load_zone_plan(path)


def test_a_missing_plan_is_refused_and_a_byte_order_mark_is_not(tmp_path):
    path = tmp_path / "zones.geojson"
    with pytest.raises(RejectedInput, match="cannot be read"):
        load_zone_plan(path)
    path.write_bytes(b"\xef\xbb\xbf" + plan_of(feature("a", square(0, 0))).geojson())
    assert load_zone_plan(path).zone_ids == ("a",)


def test_more_than_five_names_are_counted():
    overlapping = [feature(f"z{n}", square(0, 0)) for n in range(4)]
    assert "and 1 more" in refused(*overlapping)
    assert np.all(plan_of(feature("a", square(0, 0))).district == 0)


def test_a_sensitive_zone_alone_in_its_district_is_refused():
    text = refused(feature("s", square(0, 0), sensitive=True), feature("o", square(1, 0), "d2"))
    assert "without a neighbour in their district: s." in text


def test_more_zones_than_a_key_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr("tasks.mobility.zones.ZONES", 1)
    assert "2 zones; 1 are possible" in refused(feature("a", square(0, 0)), feature("b", square(1, 0)))
