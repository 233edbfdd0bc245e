"""A day as the kernels see it: cells as arrays, the policy as rules, and the buffers that a walk fills."""

from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.events.reasons import READ_REASONS, WALK_REASONS
from tasks.period import day_hours
from tasks.policy import Policy

HOUR = 3600
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""
CONFLICTING, DUPLICATE, IMPOSSIBLE, KEPT, OUTSIDE = range(5)
"""Entries of the walk's counts: WALK_REASONS in their order, kept rows, and of these the ones outside every zone."""
COUNTS = 5
SUBSCRIBER, ZONE, NIGHT = range(3)
"""Columns of the nights spent."""
PROFILE_UNIT = 64
"""The profile is an integer vector in 1/64 rows."""
NO_ZONE = -1
COUNT_NAMES = (*WALK_REASONS, "kept", "outside_zones")
"""What the walk's counts are of; `outside_zones` is a part of `kept`."""

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]


class CellArrays(NamedTuple):
    """Cells by rank: zone (-1 outside all), place in radians, and in metres on a plane that overstates distances."""

    zone: Int32
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class WalkRules(NamedTuple):
    """The policy's limits on a day, and which of its hours are night (22-06)."""

    day_seconds: int
    max_gap_seconds: int
    speed_m: float
    speed_mps: float
    profile_bound: int
    night: NDArray[np.bool_]


class WalkBuffers(NamedTuple):
    """What the walk of a partition fills, and the space it needs for one subscriber, empty between two."""

    presence: Int32
    """[subscriber - the partition's first, hour]: the zone, or -1."""
    counts: Int64
    profile: Int64
    rows: Int64
    """Like the profile, of one subscriber and not yet weighted."""
    seconds: Int32
    """By zone, of one hour."""
    touched: Int32
    """The zones with seconds in the hour."""


def walk_rules(policy: Policy, day: date) -> WalkRules:
    """The policy's limits as they stand on a local day of 23, 24 or 25 hours."""
    local = [hour.astimezone(policy.time.local) for hour in day_hours(day, policy.time.local)]
    return WalkRules(
        day_seconds=HOUR * len(local),
        max_gap_seconds=60 * policy.presence.max_gap_minutes,
        speed_m=1000.0 * policy.walk.speed_km,
        speed_mps=float(policy.walk.speed_mps),
        profile_bound=policy.product.gate_profile.day.bound,
        night=np.array([_is_night(hour) for hour in local]),
    )


def _is_night(hour: datetime) -> bool:
    return hour.hour >= 22 or hour.hour < 6


def profile_size(rules: WalkRules) -> int:
    """Entries of a day's profile: kept rows of each hour, then rows of each of READ_REASONS."""
    return len(rules.night) + len(READ_REASONS)


def empty_buffers(subscribers: int, cells: CellArrays, rules: WalkRules) -> WalkBuffers:
    """Empty buffers for so many subscribers."""
    zones = int(cells.zone.max(initial=NO_ZONE)) + 1
    return WalkBuffers(
        presence=np.full((subscribers, len(rules.night)), NO_ZONE, np.int32),
        counts=np.zeros(COUNTS, np.int64),
        profile=np.zeros(profile_size(rules), np.int64),
        rows=np.zeros(profile_size(rules), np.int64),
        seconds=np.zeros(zones, np.int32),
        touched=np.zeros(zones, np.int32),
    )
