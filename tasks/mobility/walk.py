"""The walk of one bucket: keys in any order -> presence, zones visited, counts by reason and the profile."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa

from tasks.events.keys import SUBSCRIBER_SHIFT
from tasks.events.reasons import READ_REASONS, WALK_REASONS
from tasks.mobility import kernels
from tasks.mobility.kernels import COUNTS, NOWHERE, Desk, Int32, Int64, Places, WalkRules
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
    keys.sort()
    first, last = (int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)) if len(keys) else (0, -1)
    desk = desk_of(last - first + 1, places, rules)
    kernels.walk(keys, places, rules, desk)
    presence = _presence(first, desk.presence)
    return Walked(presence, _visits(first, desk.presence, rules, len(presence)), desk.counts, desk.profile)


def desk_of(subscribers: int, places: Places, rules: WalkRules) -> Desk:
    """An empty desk for so many subscribers."""
    zones = int(places.zone.max(initial=NOWHERE)) + 1
    return Desk(
        presence=np.full((subscribers, len(rules.night)), NOWHERE, np.int32),
        counts=np.zeros(COUNTS, np.int64),
        profile=np.zeros(profile_size(rules), np.int64),
        rows=np.zeros(profile_size(rules), np.int64),
        seconds=np.zeros(zones, np.int32),
        touched=np.zeros(zones, np.int32),
    )


def _presence(first: int, zones: Int32) -> pa.Table:
    row, hour = np.nonzero(zones != NOWHERE)
    columns = {"subscriber": (row + first).astype(np.int32), "hour": hour.astype(np.int8), "zone": zones[row, hour]}
    return pa.table(columns)


def _visits(first: int, zones: Int32, rules: WalkRules, most: int) -> pa.Table:
    visits = np.empty((most, 4), np.int32)
    row, zone, night, work = visits[: kernels.zones_visited(zones, rules, visits)].T.copy()
    minutes = {"night_minutes": night.astype(np.int16), "work_minutes": work.astype(np.int16)}
    return pa.table({"subscriber": row + np.int32(first), "zone": zone, **minutes})
