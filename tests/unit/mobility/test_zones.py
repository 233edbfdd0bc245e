"""The zone plan: what becomes of sensitive zones, and that no trace tells which zone took one."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import box, mapping, shape

from tasks.errors import RejectedInput
from tasks.events.plan_rules import PlanChecks
from tasks.mobility.zone_file import parse_zones
from tasks.mobility.zones import ZonePlan, merged_plan, stored_plan


def feature(zone_id: Any, shape: Any, parent_id: str = "d1", **properties: Any) -> Any:
    properties = {"zone_id": zone_id, "name": f"Zone {zone_id}", "parent_id": parent_id, **properties}
    return {"type": "Feature", "properties": properties, "geometry": mapping(shape)}


def zones_of(*features: Any) -> Any:
    return parsed(json.dumps({"type": "FeatureCollection", "features": features}).encode())


def parsed(content: bytes) -> Any:
    """The zones of a file's content, if no rule refuses them."""
    checks = PlanChecks()
    zones = parse_zones(content, "zones.geojson", checks)
    checks.refuse()
    return zones


def plan_of(*features: Any, uncovered: str = "") -> ZonePlan:
    """The plan of features; every zone has a cell but the `uncovered` ones (ids of one letter)."""
    zones = zones_of(*features)
    return merged_plan(zones, np.array([zone.zone_id not in uncovered for zone in zones]), PlanChecks())


def square(x: Any, y: Any, width: float = 0.1, height: float = 0.1) -> Any:
    return box(13 + x * 0.1, 52 + y * 0.1, 13 + x * 0.1 + width, 52 + y * 0.1 + height)


def refused(*features: Any, **kwargs: Any) -> Any:
    with pytest.raises(RejectedInput) as error:
        plan_of(*features, **kwargs)
    return str(error.value)


def test_zones_are_sorted_by_id_and_know_their_district() -> None:
    plan = plan_of(feature("b", square(1, 0), "d2"), feature("a", square(0, 0)), feature("c", square(2, 0), "d2"))
    assert (plan.zone_ids, plan.districts, plan.district.tolist()) == (("a", "b", "c"), ("d1", "d2"), [0, 1, 1])
    assert plan.names == ("Zone a", "Zone b", "Zone c")


def test_the_order_of_features_does_not_change_the_version() -> None:
    a, b = feature("a", square(0, 0)), feature("b", square(1, 0))
    assert plan_of(a, b).version == plan_of(b, a).version
    assert plan_of(a, b).version != plan_of(a, feature("b", square(1, 1))).version


def test_a_sensitive_zone_goes_to_the_same_district_neighbour_with_the_longest_common_border() -> None:
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


def test_a_neighbour_without_a_cell_of_its_own_takes_no_sensitive_zone() -> None:
    """Its count would be the sensitive zone's."""
    hospital = feature("h", square(0, 0), sensitive=True)
    long, short = feature("l", square(1, 0)), feature("s", box(13.0, 52.1, 13.05, 52.2))
    assert plan_of(hospital, long, short).merged == {"h": "l"}
    assert plan_of(hospital, long, short, uncovered="l").merged == {"h": "s"}
    assert "h" in refused(hospital, long, short, uncovered="ls")
    assert "h" in refused(hospital, feature("s", square(1, 0), sensitive=True), feature("z", square(3, 0)))


def test_borders_are_compared_in_metres_not_in_degrees() -> None:
    shrine = feature("s", box(13.0, 60.0, 13.015, 60.01), sensitive=True)
    plan = plan_of(shrine, feature("n", box(13, 60.01, 13.015, 60.1)), feature("w", box(12.9, 60.0, 13.0, 60.01)))
    assert plan.merged == {"s": "w"}, "0.015 degrees of longitude are shorter than 0.01 of latitude at 60 north"


def test_an_enclave_goes_into_the_zone_around_it() -> None:
    ring = square(0, 0).difference(box(13.04, 52.04, 13.06, 52.06))
    plan = plan_of(feature("prison", box(13.04, 52.04, 13.06, 52.06), sensitive=True), feature("ring", ring))
    assert plan.geometries[0].equals(square(0, 0))


def test_a_sensitive_zone_among_sensitive_ones_waits_until_one_of_them_is_taken_in() -> None:
    plan = plan_of(
        feature("s1", square(0, 0), sensitive=True),
        feature("s2", square(1, 0), sensitive=True),
        feature("z", square(2, 0)),
    )
    assert plan.merged == {"s1": "z", "s2": "z"}
    assert plan.geometries[0].area == pytest.approx(0.03)


def test_a_sensitive_zone_that_only_touches_a_corner_or_another_district_is_refused() -> None:
    text = refused(
        feature("s", square(0, 0), sensitive=True), feature("corner", square(1, 1)), feature("o", square(1, 0), "d2")
    )
    assert ": s." in text


def test_a_sensitive_zone_alone_in_its_district_is_refused() -> None:
    assert ": s." in refused(feature("s", square(0, 0), sensitive=True), feature("o", square(1, 0), "d2"))


def test_a_district_has_the_name_that_any_of_its_zones_gives_or_its_id() -> None:
    named = feature("s", square(0, 0), sensitive=True, parent_name="Mitte")
    plan = plan_of(named, feature("z", square(1, 0)), feature("y", square(5, 0), "d2"))
    assert plan.district_names == stored_plan(plan.geojson()).district_names == ("Mitte", "d2")


def test_the_stored_plan_is_read_back_as_it_was() -> None:
    plan = plan_of(
        feature("s", square(0, 0), sensitive=True, area_type="urban"), feature("z", square(1, 0), area_type="rural")
    )
    again = stored_plan(plan.geojson())
    assert (again.merged, again.version, again.zone_ids) == (plan.merged, plan.version, plan.zone_ids)
    assert again.geojson() == plan.geojson()
    assert [f["properties"]["zone_id"] for f in json.loads(plan.geojson())["features"]] == ["z"]


@pytest.mark.parametrize("mine", [True, 7, ["s"], "s"])
def test_an_attribute_of_the_operator_is_no_field_of_ours(mine: Any) -> None:
    plan = plan_of(feature("a", square(0, 0), merged=mine), feature("b", square(1, 0), version=mine))
    assert plan.merged == {}


def rings(plan: ZonePlan) -> Iterator[Any]:
    for member in json.loads(plan.geojson())["features"]:
        polygon = shape(member["geometry"])
        for part in getattr(polygon, "geoms", [polygon]):
            yield part.exterior, part.interiors


def test_no_zone_tells_that_it_took_a_sensitive_one() -> None:
    """Ring order as in RFC 7946, one start, 7 decimals and no point on a straight line, in merged zones or not."""
    holed = square(0, 2).difference(box(13.02, 52.22, 13.03, 52.23))
    crooked = [[13.2, 52.0], [13.2, 52.1], [13.25, 52.1], [13.3, 52.1], [13.3, 52.0], [13.2, 52.0]]
    island = shapely.MultiPolygon([square(3, 0), square(5, 0)])
    plan = plan_of(
        feature("h", square(0.5, 0, 0.05), sensitive=True),
        feature("a", square(0, 0, 0.05)),
        feature("b", square(0.9999995, 0)),
        {**feature("c", square(2, 0)), "geometry": {"type": "Polygon", "coordinates": [crooked]}},
        feature("d", holed),
        feature("e", island),
    )
    assert plan.merged == {"h": "a"}
    for outer, holes in rings(plan):
        assert outer.is_ccw
        assert not any(hole.is_ccw for hole in holes)
        assert outer.coords[0] == min(outer.coords)
        assert {len(list(outer.coords))} == {5}
        assert all(round(number, 7) == number for point in outer.coords for number in point)


def test_a_gap_of_centimetres_leaves_no_trace_of_the_merge() -> None:
    hospital = feature("h", box(13.04, 52.04, 13.06, 52.06), sensitive=True)
    hole = box(13.0399995, 52.0399995, 13.0600005, 52.0600005)
    assert plan_of(hospital, feature("a", square(0, 0).difference(hole))).geometries[0].equals(square(0, 0))
