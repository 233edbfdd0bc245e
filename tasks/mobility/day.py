"""A day as the kernels see it: cells as arrays, and the policy as rules."""

from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.events.reasons import READ_REASONS, WALK_REASONS
from tasks.period import day_hours
from tasks.policy import Policy

HOUR = 3600
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""
NO_ZONE = -1
COUNT_NAMES = (*WALK_REASONS, "kept", "outside_zones")
"""What the walk's counts are of; `outside_zones` is a part of `kept`."""
PROFILE_UNIT = 64
"""The profile is an integer vector in 1/64 rows."""

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


def walk_rules(policy: Policy, day: date, profile_bound: int) -> WalkRules:
    """The bound of the gate's profile, and the policy's limits on a local day of 23, 24 or 25 hours."""
    local = [hour.astimezone(policy.time.local) for hour in day_hours(day, policy.time.local)]
    return WalkRules(
        day_seconds=HOUR * len(local),
        max_gap_seconds=60 * policy.presence.max_gap_minutes,
        speed_m=1000.0 * policy.walk.speed_km,
        speed_mps=float(policy.walk.speed_mps),
        profile_bound=profile_bound,
        night=np.array([hour.hour >= 22 or hour.hour < 6 for hour in local]),
    )


def profile_size(rules: WalkRules) -> int:
    """Entries of a day's profile: kept rows of each hour, then rows of each of READ_REASONS."""
    return len(rules.night) + len(READ_REASONS)
