"""The distance from a zone's centre to a district's."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from tasks.mobility.centres import centre_distances_km
from tests.unit.products.counting import PLAN

DEGREE_KM = 2 * np.pi * 6371.0088 / 360


def test_a_district_s_centre_is_that_of_its_zones_by_area() -> None:
    boxes = shapely.box(0, -0.1, 0.2, 0.1), shapely.box(10, -0.1, 10.2, 0.1), shapely.box(0.2, -0.1, 0.8, 0.1)
    plan = replace(PLAN, geometries=boxes, district=np.array([0, 1, 0], dtype=np.int32))
    distances = centre_distances_km(plan)
    # zone centres at 0.1, 10.1 and 0.5 degrees; east spans 0 to 0.8: its centre is at 0.4
    expected = DEGREE_KM * np.array([[0.3, 10.0], [9.7, 0.0], [0.1, 9.6]])
    assert distances == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_a_zone_on_both_sides_of_the_date_line_has_its_centre_there() -> None:
    split = shapely.MultiPolygon([shapely.box(179.5, -0.1, 180, 0.1), shapely.box(-180, -0.1, -179.5, 0.1)])
    plan = replace(
        PLAN,
        geometries=(split, shapely.box(178.9, -0.1, 179.1, 0.1), split),
        district=np.array([0, 1, 0], dtype=np.int32),
    )
    assert centre_distances_km(plan)[:2] == pytest.approx(DEGREE_KM * np.array([[0, 1], [1, 0]]), rel=1e-4, abs=1e-3)
