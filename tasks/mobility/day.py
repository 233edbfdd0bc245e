"""A day as the kernels see it: cells as arrays, and the policy as rules."""

from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.events.reasons import READ_REASONS, WALK_REASONS
from tasks.period import day_hours
from tasks.policy import Policy, Silence, Stay

HOUR = 3600
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""
NO_ZONE = -1
FROM_BEFORE, GOES_ON = 1, 2
"""Bits of a stay's `overnight`: it was there at the day's first midnight, and still there at its last."""
COUNT_NAMES = (*WALK_REASONS, "kept", "outside_zones")
"""What the walk's counts are of; `outside_zones` is a part of `kept`."""
PROFILE_UNIT = 64
"""The profile is an integer vector in 1/64 rows."""

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]


class Evidence(NamedTuple):
    """Weights of evidence for zones, in 1/64 nats: those of cell c are in rows start[c] to start[c + 1]."""

    start: Int32
    zone: Int32
    weight: Int32


class CellArrays(NamedTuple):
    """Cells by rank: zone (-1 outside all), place in radians, and in metres on a plane that overstates distances."""

    zone: Int32
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    evidence: Evidence
    reach: NDArray[np.float64]
    """Metres within which other cells are neighbours."""


class SilenceRules(NamedTuple):
    """The policy's limits on how long a zone holds without an event, in seconds."""

    max_gap_day: int
    max_gap_night: int
    max_hold: int


class StayRules(NamedTuple):
    """The policy's limits on stays, in seconds."""

    min_dwell: int
    max_ping_pong: int


class WalkRules(NamedTuple):
    """The policy's limits on a day, and which of its hours are night (22-06) and work (9-17, Monday to Friday)."""

    day_seconds: int
    speed_m: float
    speed_mps: float
    profile_bound: int
    night: NDArray[np.bool_]
    work: NDArray[np.bool_]
    silence: SilenceRules
    stay: StayRules


def walk_rules(policy: Policy, day: date, profile_bound: int) -> WalkRules:
    """The bound of the gate's profile, and the policy's limits on a local day of 23, 24 or 25 hours."""
    local = [hour.astimezone(policy.time.local) for hour in day_hours(day, policy.time.local)]
    return WalkRules(
        day_seconds=HOUR * len(local),
        speed_m=1000.0 * policy.walk.speed_km,
        speed_mps=float(policy.walk.speed_mps),
        profile_bound=profile_bound,
        night=np.array([hour.hour >= 22 or hour.hour < 6 for hour in local]),
        work=np.array([hour.weekday() < 5 and 9 <= hour.hour < 17 for hour in local]),
        silence=silence_rules(policy.silence),
        stay=stay_rules(policy.stay),
    )


def silence_rules(silence: Silence) -> SilenceRules:
    """The policy's limits on silence."""
    return SilenceRules(
        max_gap_day=60 * silence.max_gap_day_minutes,
        max_gap_night=60 * silence.max_gap_night_minutes,
        max_hold=60 * silence.max_hold_minutes,
    )


def stay_rules(stay: Stay) -> StayRules:
    """The policy's limits on stays."""
    return StayRules(
        min_dwell=60 * stay.min_dwell_minutes,
        max_ping_pong=60 * stay.max_ping_pong_minutes,
    )


def profile_size(rules: WalkRules) -> int:
    """Entries of a day's profile: kept rows of each hour, then rows of each of READ_REASONS."""
    return len(rules.night) + len(READ_REASONS)
