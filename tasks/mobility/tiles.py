"""Tiles of a zone plan: squares on a local equal-area plane, of 100 m or larger where a zone would have too many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tasks.mobility.day import EARTH_RADIUS_M

TILE_M = 100.0
MOST_TILES = 600_000
"""Of a plan; each zone may have an equal part of them."""
MOST_OF_A_ZONE = 4_096
"""More tiles than these change no share of a zone by more than a thousandth."""

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Lambert's azimuthal equal-area projection around a point (degrees); metres east and north of it.

    J. P. Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395, 1987), equations 22-4, 22-5, 24-2.
    """

    longitude: float
    latitude: float

    def project(self, degrees: Reals) -> Reals:
        """[point, longitude and latitude] as [point, x and y]."""
        east, north = np.radians(degrees[:, 0] - self.longitude), np.radians(degrees[:, 1])
        centre = np.radians(self.latitude)
        towards = np.sin(centre) * np.sin(north) + np.cos(centre) * np.cos(north) * np.cos(east)
        scale = EARTH_RADIUS_M * np.sqrt(2 / np.maximum(1 + towards, 1e-12))
        x = scale * np.cos(north) * np.sin(east)
        y = scale * (np.cos(centre) * np.sin(north) - np.sin(centre) * np.cos(north) * np.cos(east))
        return np.stack([x, y], axis=1)


def plane_of(shapes: Sequence[BaseGeometry]) -> Plane:
    """The plane around the middle of all shapes."""
    west, south, east, north = shapely.total_bounds(np.array(shapes, object))
    return Plane((west + east) / 2, (south + north) / 2)


def tile_side(area: float, zones: int) -> float:
    """Metres: the smallest 100 x 2^k with which a zone of this area (m2) has no more tiles than its part."""
    most = min(MOST_OF_A_ZONE, max(16, MOST_TILES // zones))
    return float(TILE_M * 2 ** max(0, int(np.ceil(np.log2(max(area, 1.0) / most / TILE_M**2) / 2))))


@dataclass(frozen=True)
class ZoneTiles:
    """The tiles of one zone: those of its grid whose centre it covers; a point inside where it covers none."""

    centres: Reals
    """[tile, x and y] in metres."""
    side: float


def zone_tiles(shape: BaseGeometry, zones: int) -> ZoneTiles:
    """Tiles of a projected shape, row by row from the south-west; `zones`: how many share the plan's tiles."""
    side = tile_side(shape.area, zones)
    west, south, east, north = (np.array(shape.bounds) / side).tolist()
    columns, rows = np.arange(np.floor(west), np.ceil(east)), np.arange(np.floor(south), np.ceil(north))
    x, y = (axis.ravel() for axis in np.meshgrid((columns + 0.5) * side, (rows + 0.5) * side))
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, x, y)
    if inside.any():
        return ZoneTiles(np.stack([x[inside], y[inside]], axis=1), side)
    point = shape.representative_point()
    return ZoneTiles(np.array([[point.x, point.y]]), side)


def projected(shapes: Sequence[BaseGeometry], plane: Plane) -> list[BaseGeometry]:
    """Shapes in degrees on the plane."""
    return list(shapely.transform(np.array(shapes, object), plane.project))


def areas(shapes: Sequence[BaseGeometry]) -> Reals:
    """Square metres of shapes in degrees."""
    return np.asarray(shapely.area(projected(shapes, plane_of(shapes))), np.float64)
