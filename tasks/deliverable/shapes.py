"""Shapes of places: read from GeoJSON, united, compared, and measured on the WGS 84 ellipsoid."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

DECIMALS = 7
"""Of a degree: about a centimetre, as in the zone plan."""
SHARE_DECIMALS = 9
"""A common part below half of the last decimal is a rounding fault of a border."""
_AXIS_M = 6_378_137.0
_ECCENTRICITY = (2 / 298.257223563 - 1 / 298.257223563**2) ** 0.5

Shapes = NDArray[Any]
"""An array of shapely geometries."""


def shapes_of(geojson: bytes) -> dict[str, BaseGeometry]:
    """The shape of each zone of a FeatureCollection, by its zone_id."""
    features = json.loads(geojson)["features"]
    return {each["properties"]["zone_id"]: shapely.geometry.shape(each["geometry"]) for each in features}


def right_handed(shape: BaseGeometry) -> BaseGeometry:
    """The shape with seven decimals, its outer rings counterclockwise (RFC 7946)."""
    rounded: Any = shapely.transform(shape, lambda points: np.round(points, DECIMALS))
    return shapely.orient_polygons(rounded)


def united(shapes: Iterable[BaseGeometry]) -> BaseGeometry:
    """The union, right-handed."""
    return right_handed(shapely.union_all(list(shapes), grid_size=10.0**-DECIMALS))


def areas_km2(shapes: Sequence[BaseGeometry] | Shapes) -> NDArray[np.float64]:
    """Areas in km², by Lambert's cylindrical equal-area projection of WGS 84 (Snyder 1987, 10-14 and 10-15).

    Edges are straight in degrees, as RFC 7946 says: Simpson's rule follows each on its way through the projection.
    """
    parts, of_shape = shapely.get_parts(shapes, return_index=True)
    rings, of_part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    points, of_ring = shapely.get_coordinates(rings, return_index=True)
    east, north = np.radians(points).T
    begin = np.flatnonzero(np.diff(of_ring) == 0)
    end, middle = begin + 1, (north[begin] + north[begin + 1]) / 2
    height = (_ordinate(north[begin]) + 4 * _ordinate(middle) + _ordinate(north[end])) / 6
    below = (east[begin] - east[end]) * height * _AXIS_M**2 / 1e6
    return np.bincount(of_shape[of_part[of_ring[begin]]], below, len(shapes)).astype(np.float64)


def _ordinate(north: NDArray[np.float64]) -> NDArray[np.float64]:
    """The projection's y of latitudes in radians, as a share of the equator's radius (Snyder 1987, 3-12)."""
    sine, e = np.sin(north), _ECCENTRICITY
    return np.asarray((1 - e**2) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e) / 2)


def shares(of: Sequence[BaseGeometry], among: Sequence[BaseGeometry]) -> Iterator[tuple[int, int, float]]:
    """Which part of each shape's area lies in which shape of another plan: (index, index, share)."""
    whole, parts = np.asarray(of, object), np.asarray(among, object)
    first, second = shapely.STRtree(parts).query(whole, predicate="intersects")
    common = areas_km2(shapely.intersection(whole[first], parts[second])) / areas_km2(whole)[first]
    for one, other, share in sorted(zip(first.tolist(), second.tolist(), common.tolist(), strict=True)):
        if rounded := round(share, SHARE_DECIMALS):
            yield one, other, rounded
