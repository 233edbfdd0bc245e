import json
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely

from tasks.simulate import SimulationPlan
from tasks.simulate.city import AREA_TYPES, HOSPITAL, OUTSIDE, build_city
from tasks.simulate.network import build_network
from tasks.simulate.radio import SLOTS
from tasks.simulate.reference_files import degrees, zones_geojson


def plan(zones: int = 60, seed: int = 1) -> SimulationPlan:
    return SimulationPlan(100, 1, date(2026, 3, 2), seed, zones=zones)


def shapes(zones: int, seed: int) -> list[dict[str, Any]]:
    return list(json.loads(zones_geojson(build_city(plan(zones, seed))))["features"])


@pytest.mark.parametrize(("zones", "seed"), [(12, 1), (18, 2), (60, 3), (60, 4), (180, 5)])
def test_zones_tile_the_city_without_gaps_or_overlaps(zones: int, seed: int) -> None:
    polygons = [shapely.geometry.shape(zone["geometry"]) for zone in shapes(zones, seed)]
    city = shapely.union_all(polygons)
    assert len(polygons) == zones
    assert all(polygon.is_valid for polygon in polygons)
    assert city.geom_type == "Polygon"
    assert not city.interiors
    assert sum(polygon.area for polygon in polygons) == pytest.approx(city.area, rel=1e-12)


@pytest.mark.parametrize(("zones", "seed"), [(12, 1), (60, 3), (180, 5)])
def test_every_district_is_in_one_piece_and_has_several_zones(zones: int, seed: int) -> None:
    features = shapes(zones, seed)
    for district in {zone["properties"]["parent_id"] for zone in features}:
        parts = [shapely.geometry.shape(z["geometry"]) for z in features if z["properties"]["parent_id"] == district]
        assert len(parts) > 1
        assert shapely.union_all(parts).geom_type == "Polygon"


def test_zone_ids_and_names_are_given_once() -> None:
    properties = [zone["properties"] for zone in shapes(180, 1)]
    assert len({p["zone_id"] for p in properties}) == len({p["name"] for p in properties}) == 180
    assert [p["zone_id"] for p in properties] == sorted(p["zone_id"] for p in properties)


def test_the_hospital_is_the_sensitive_zone_and_every_use_has_a_place() -> None:
    properties = [zone["properties"] for zone in shapes(60, 1)]
    assert [p["area_type"] for p in properties if p["sensitive"]] == [AREA_TYPES[HOSPITAL]]
    assert {"residential", "office", "shopping", "arena", "hospital"} <= {p["area_type"] for p in properties}


def test_a_square_belongs_to_the_zone_around_its_centre() -> None:
    city = build_city(plan(18))
    polygons = [shapely.geometry.shape(zone["geometry"]) for zone in shapes(18, 1)]
    points = shapely.points(degrees(city.metres(np.arange(city.side**2, dtype=np.int32))))
    inside = np.full(city.side**2, OUTSIDE)
    square, zone = shapely.STRtree(polygons).query(points, predicate="within")
    inside[square] = zone
    assert np.array_equal(inside, city.square_zone)


def test_a_point_is_found_in_the_square_whose_centre_it_is() -> None:
    city = build_city(plan(12))
    squares = np.arange(city.side**2, dtype=np.int32)
    assert np.array_equal(city.square_at(city.metres(squares)), squares)


def test_cells_are_many_denser_downtown_and_in_every_district() -> None:
    city = build_city(plan(180))
    network = build_network(plan(180), city)
    from_centre = np.hypot(*network.metres[: network.valid].T)
    area = np.abs(city.tiling.rings).max()
    near, far = np.sum(from_centre < area / 4), np.sum((from_centre > area / 2) & (from_centre < area))
    assert 4000 < network.valid < 7000
    assert near / (1 / 16) > 2 * far / (3 / 4)
    assert set(network.district[network.district != OUTSIDE]) == set(city.district)


def test_cell_ids_are_fifteen_digits_in_order_and_given_once() -> None:
    network = build_network(plan(), build_city(plan()))
    assert all(len(cell) == 15 and cell.isdigit() for cell in network.cell_ids)
    assert network.cell_ids == sorted(set(network.cell_ids))


@pytest.mark.parametrize("zones", [12, 60])
def test_cells_of_one_place_are_never_ten_kilometres_apart(zones: int) -> None:
    network = build_network(plan(zones), build_city(plan(zones)))
    heard = network.metres[network.serving.reshape(-1, SLOTS)]
    apart = np.hypot(*(heard.max(axis=1) - heard.min(axis=1)).T)
    assert apart.max() < 10_000


def test_cells_that_were_switched_off_serve_nobody() -> None:
    network = build_network(plan(), build_city(plan()))
    assert network.retired > 0
    assert network.serving.max() < network.valid


def test_another_seed_makes_another_city() -> None:
    assert zones_geojson(build_city(plan(seed=1))) != zones_geojson(build_city(plan(seed=2)))
