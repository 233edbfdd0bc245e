"""Shapes of places: read from GeoJSON, united, compared, and measured on the WGS 84 ellipsoid."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
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


@lru_cache(maxsize=8)
def shapes_of(geojson: bytes) -> Mapping[str, BaseGeometry]:
    """The right-handed shape of each zone of a FeatureCollection, by its zone_id. Kept for the next file."""
    features = json.loads(geojson)["features"]
    shapes = right_handed([shapely.geometry.shape(each["geometry"]) for each in features])
    return dict(zip((each["properties"]["zone_id"] for each in features), shapes, strict=True))


def right_handed(shapes: Sequence[BaseGeometry]) -> Shapes:
    """The shapes with seven decimals, their outer rings counterclockwise (RFC 7946)."""
    rounded = shapely.transform(np.array(shapes, object), lambda points: np.round(points, DECIMALS))
    return np.asarray(shapely.orient_polygons(rounded), object)


def united(groups: Iterable[Sequence[BaseGeometry]]) -> Shapes:
    """The union of each group, right-handed."""
    return right_handed([shapely.union_all(group, grid_size=10.0**-DECIMALS) for group in groups])


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


def overlaps(
    here: Mapping[str, BaseGeometry], there: Mapping[str, BaseGeometry]
) -> Iterator[tuple[str, str, float, float]]:
    """Zones of two plans that overlap: (zone, other zone, share of the zone's area, share of the other's area)."""
    ids, other_ids = list(here), list(there)
    shapes, others = np.array(list(here.values()), object), np.array(list(there.values()), object)
    one, two = shapely.STRtree(others).query(shapes, predicate="intersects")
    common = areas_km2(shapely.intersection(shapes[one], others[two]))
    shares = np.round([common / areas_km2(shapes)[one], common / areas_km2(others)[two]], SHARE_DECIMALS)
    for place in np.flatnonzero(shares.any(axis=0)):
        yield ids[one[place]], other_ids[two[place]], float(shares[0, place]), float(shares[1, place])
