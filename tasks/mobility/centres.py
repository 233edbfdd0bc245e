"""Distances between zones and districts, from centre to centre."""

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from tasks.mobility.day import EARTH_RADIUS_M

if TYPE_CHECKING:
    from tasks.mobility.zones import ZonePlan

Reals = NDArray[np.float64]


def centre_distances_km(plan: "ZonePlan") -> Reals:
    """Great-circle distance in km from each zone's centre to each district's: zones x districts.

    The centre is the centroid on the sphere: the area-weighted mean of the unit vectors of all polygons.
    """
    zones = _zone_centres(plan)
    districts = _sums(plan.district, zones.T, len(plan.districts))
    # half of the chord: haversine (R. W. Sinnott 1984)
    half = np.sqrt(np.maximum(1 - _unit(zones) @ _unit(districts).T, 0.0) / 2)
    distances: Reals = 2 * EARTH_RADIUS_M / 1000 * np.arcsin(np.minimum(half, 1.0))
    return distances


def _zone_centres(plan: "ZonePlan") -> Reals:
    """Each zone's sum of unit vectors by area. Polygons count apart: they may lie on either side of 180 degrees."""
    polygons, zone = shapely.get_parts(np.array(plan.geometries, object), return_index=True)
    centroid = shapely.centroid(polygons)
    longitude, latitude = np.radians(shapely.get_x(centroid)), np.radians(shapely.get_y(centroid))
    area = shapely.area(polygons) * np.cos(latitude)
    vectors = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    return _sums(zone, area * np.stack(vectors), len(plan.zone_ids))


def _sums(groups: NDArray[np.integer], vectors: Reals, count: int) -> Reals:
    """The sum of each group's vectors: groups x 3."""
    sums: Reals = np.stack([np.bincount(groups, axis, count) for axis in vectors], axis=1)
    return sums


def _unit(vectors: Reals) -> Reals:
    unit: Reals = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
