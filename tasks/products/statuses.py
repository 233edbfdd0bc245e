"""Statuses that products of stays share, from public facts and the noisy profile; and the least value they show."""

import numpy as np

from tasks.privacy.bounds import Reals
from tasks.privacy.release_table import KeyStatuses
from tasks.products.dimensions import DAY_PART, day_parts
from tasks.products.spec import CountContext, Level, Mask

MOST_MISSING = 0.1
"""Share of hours without data from which on a number is incomplete."""
LEAST_SHOWN, LEAST_ERRORS = 20.0, 3.0
"""A computed value is shown from the larger one on: this number, or this many standard errors."""


def key_statuses(context: CountContext, level: Level) -> KeyStatuses:
    """`no_coverage` where a place of the key had no cell in the whole period, `incomplete` where hours are missing."""
    shape = level.shape(context)
    nowhere, incomplete = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    zones = uncovered(context)
    for axis, dimension in enumerate(level.dimensions):
        if dimension.granted_by:
            nowhere |= _along(
                axis, zones if dimension.granted_by == "zone" else _whole_districts(context, zones), shape
            )
    parts = [axis for axis, dimension in enumerate(level.dimensions) if dimension.name == DAY_PART.name]
    missing = missing_hours(context)
    for axis in parts:
        incomplete |= _along(axis, _by_part(context, missing), shape)
    if not parts:
        incomplete |= missing.mean() > MOST_MISSING
    return [("no_coverage", nowhere), ("incomplete", incomplete)]


def uncovered(context: CountContext) -> Mask:
    """Zones without a valid cell in all hours of the days that are in the lake."""
    zones: Mask = ~np.any([context.covered(day).any(axis=1) for day in context.ingested], axis=0)
    return zones


def missing_hours(context: CountContext) -> Mask:
    """Hours of the period whose day is not in the lake, or that are empty in the noisy profile."""
    local_day = np.array([hour.astimezone(context.timezone).date() for hour in context.hours])
    missing: Mask = np.ones(local_day.size, np.bool_)
    for day in context.ingested:
        missing[local_day == day] = context.incomplete(day)
    return missing


def least_shown(variances: Reals) -> Reals:
    """The least value that is shown of computed ones with these variances."""
    least: Reals = np.maximum(LEAST_SHOWN, LEAST_ERRORS * np.sqrt(variances))
    return least


def _whole_districts(context: CountContext, zones: Mask) -> Mask:
    """Districts of which every zone is in the mask."""
    district = context.zones.district
    whole: Mask = np.bincount(district, ~zones, len(context.zones.districts)) == 0
    return whole


def _by_part(context: CountContext, missing: Mask) -> Mask:
    """Parts of the day of which too many hours are missing."""
    parts = day_parts(context)
    incomplete: Mask = np.bincount(parts, missing) > MOST_MISSING * np.bincount(parts)
    return incomplete


def _along(axis: int, values: Mask, shape: tuple[int, ...]) -> Mask:
    """The mask along this axis, for each key."""
    return np.broadcast_to(values.reshape([-1 if n == axis else 1 for n in range(len(shape))]), shape)
