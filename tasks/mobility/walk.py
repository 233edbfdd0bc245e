"""The walk of one bucket: keys in any order -> presence, zones visited, counts by reason and the profile."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa

from tasks.events.keys import SUBSCRIBER_SHIFT
from tasks.events.reasons import READ_REASONS, WALK_REASONS
from tasks.mobility import kernels
from tasks.mobility.kernels import COUNTS, NOWHERE, Int16, Int32, Int64, Places, WalkRules
from tasks.period import day_hours
from tasks.policy import Policy

KEPT, OUTSIDE_ZONES = "kept", "outside_zones"
COUNT_NAMES = (*WALK_REASONS, KEPT, OUTSIDE_ZONES)
"""What the counts are of; `outside_zones` is a part of `kept`."""


@dataclass(frozen=True)
class Walked:
    """One bucket's day. `subscriber` is the rank in the day's panel; rows are sorted by it, then by hour or zone."""

    presence: pa.Table
    """subscriber int32, hour int8, zone int32"""
    visits: pa.Table
    """subscriber int32, zone int32, night_minutes int16, work_minutes int16"""
    counts: Int64
    profile: Int64


def walk_rules(policy: Policy, day: date) -> WalkRules:
    """The policy's limits as they stand on a local day of 23, 24 or 25 hours."""
    local = [hour.astimezone(policy.time.local) for hour in day_hours(day, policy.time.local)]
    return WalkRules(
        day_seconds=kernels.HOUR * len(local),
        carry_seconds=60 * policy.presence.carry_minutes,
        speed_m=1000.0 * policy.walk.speed_km,
        speed_mps=float(policy.walk.speed_mps),
        profile_bound=policy.product.gate_profile.day.rows.bound,
        night=np.array([_is_night(hour) for hour in local]),
        work=np.array([_is_work(hour) for hour in local]),
    )


def _is_night(hour: datetime) -> bool:
    return hour.hour >= 22 or hour.hour < 6


def _is_work(hour: datetime) -> bool:
    return 9 <= hour.hour < 17 and hour.weekday() < 5


def profile_size(rules: WalkRules) -> int:
    """Entries of a day's profile: kept rows of each hour, then rows of each of READ_REASONS."""
    return len(rules.night) + len(READ_REASONS)


def walk_bucket(keys: Int64, places: Places, rules: WalkRules) -> Walked:
    """Walk the subscribers of a bucket; `keys` (any order, whole subscribers) is sorted and used up."""
    counts, profile = np.zeros(COUNTS, np.int64), np.zeros(profile_size(rules), np.int64)
    if not len(keys):
        return Walked(_presence(0, np.empty((0, 0), np.int32)), _visits(0, *_NO_VISITS), counts, profile)
    keys.sort()
    first, last = int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)
    zones = np.full((last - first + 1, len(rules.night)), NOWHERE, np.int32)
    kernels.walk(keys, places, rules, zones, counts, profile)
    presence = _presence(first, zones)
    return Walked(presence, _visits(first, *kernels.zones_visited(zones, rules, len(presence))), counts, profile)


_NO_VISITS = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, 2), np.int16))


def _presence(first: int, zones: Int32) -> pa.Table:
    row, hour = np.nonzero(zones != NOWHERE)
    columns = {"subscriber": (row + first).astype(np.int32), "hour": hour.astype(np.int8), "zone": zones[row, hour]}
    return pa.table(columns)


def _visits(first: int, row: Int32, zone: Int32, minutes: Int16) -> pa.Table:
    night, work = np.ascontiguousarray(minutes.T)
    return pa.table({"subscriber": row + np.int32(first), "zone": zone, "night_minutes": night, "work_minutes": work})
