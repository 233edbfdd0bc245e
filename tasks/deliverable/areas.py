"""Shapes and areas of granted places: one source for reference data and for persons per square kilometre."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from shapely.geometry.base import BaseGeometry

from tasks.deliverable.grant import Granted
from tasks.deliverable.level_view import DimensionView
from tasks.deliverable.shapes import Shapes, areas_km2, shapes_of, united
from tasks.deliverable.view import ZonesView

LEAST_KM2 = 1e-6
"""A square metre, the last digit of an area: no place is smaller, so that a density is a number."""

PlaceShapes = Mapping[str, BaseGeometry]
"""The shape of each place, by id."""


def zone_shapes(geojson: bytes, zones: Iterable[str]) -> dict[str, BaseGeometry]:
    """The shapes of zones of a plan, in their order."""
    shapes = shapes_of(geojson)
    return {zone: shapes[zone] for zone in zones}


def district_shapes(plan: ZonesView, districts: Iterable[str]) -> dict[str, BaseGeometry]:
    """The shapes of districts, in their order: each the union of its zones."""
    members = {district: list[str]() for district in districts}
    for zone, district in zip(plan.zone_ids, plan.district_ids, strict=True):
        if district in members:
            members[district].append(zone)
    return dict(zip(members, _united(plan.geojson, tuple(map(tuple, members.values()))), strict=True))


@lru_cache(maxsize=8)
def _united(geojson: bytes, groups: tuple[tuple[str, ...], ...]) -> Shapes:
    """The union of each group of zones. Kept, as several files and many deliveries show it."""
    shapes = shapes_of(geojson)
    return united([shapes[zone] for zone in group] for group in groups)


def areas(shapes: PlaceShapes) -> dict[str, float]:
    """The area of each place in km², as every file of a delivery states it."""
    found = areas_km2(list(shapes.values())).tolist()
    return {place: max(round(area, 6), LEAST_KM2) for place, area in zip(shapes, found, strict=True)}


def granted_areas(plan: ZonesView, places: Granted, dimension: DimensionView) -> dict[str, float]:
    """The area of each granted place of a dimension."""
    if dimension.granted_by == "district":
        return areas(district_shapes(plan, places.districts))
    return areas(zone_shapes(plan.geojson, places.zones))
