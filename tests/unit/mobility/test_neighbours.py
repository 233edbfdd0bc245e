"""A cell's neighbours lie within three rings of sites, in a dense network and in a wide one."""

import numpy as np
import pytest

from tasks.mobility.day import EARTH_RADIUS_M
from tasks.mobility.neighbours import SITES, neighbour_reach
from tests.reference import Cell, distance


def hexagons(apart: float, rings: int) -> np.ndarray:
    """[site, latitude and longitude] in radians: rings around 52 degrees north, at this distance in metres."""
    axes = np.array([(a, b) for a in range(-rings, rings + 1) for b in range(-rings, rings + 1) if abs(a + b) <= rings])
    metres = apart * np.stack([axes[:, 1] * np.sqrt(3) / 2, axes[:, 0] + axes[:, 1] / 2], axis=1)
    return np.asarray(np.radians([52.0, 13.0]) + metres / EARTH_RADIUS_M / [1, np.cos(np.radians(52.0))])


@pytest.mark.parametrize("apart", [500.0, 8_000.0])
def test_three_rings_of_sites_are_neighbours(apart: float) -> None:
    sites = hexagons(apart, 4)
    reach = neighbour_reach(*sites.T)
    assert reach[len(sites) // 2] == pytest.approx(3 * apart, rel=0.05)


def test_it_is_the_distance_to_the_36th_other_site_and_cells_of_one_site_count_once() -> None:
    random = np.random.default_rng(5)
    sites = np.radians(np.stack([random.uniform(52, 53, 60), random.uniform(13, 15, 60)], axis=1))
    reach = neighbour_reach(*np.repeat(sites, 3, axis=0).T)[::3]
    places = [Cell(None, *np.degrees(site)) for site in sites]
    for site, place in enumerate(places):
        others = sorted(distance(place, other) for other in places[:site] + places[site + 1 :])
        assert reach[site] == pytest.approx(others[SITES - 1], rel=0.01, abs=200)


def test_in_a_small_network_all_are_neighbours() -> None:
    assert np.isinf(neighbour_reach(*hexagons(500.0, 2).T)).all()
