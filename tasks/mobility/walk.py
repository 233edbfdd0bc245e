"""The walk of one bucket: keys in any order -> presence, nights spent, counts by reason and the profile."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.events.keys import SUBSCRIBER_SHIFT
from tasks.mobility import kernels
from tasks.mobility.day import NOWHERE, Int32, Int64, Places, WalkRules, desk_of


@dataclass(frozen=True)
class Walked:
    """One bucket's day. `subscriber` is the rank in the day's panel; rows are sorted by it, then by hour or zone."""

    presence: pa.Table
    """subscriber int32, hour int8, zone int32"""
    nights: pa.Table
    """subscriber int32, zone int32, night_minutes int16, never 0"""
    counts: Int64
    profile: Int64


def walk_bucket(keys: Int64, places: Places, rules: WalkRules) -> Walked:
    """Walk the subscribers of a bucket; `keys` (any order, whole subscribers) is sorted and used up."""
    keys.sort()
    first, last = (int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)) if len(keys) else (0, -1)
    desk = desk_of(last - first + 1, places, rules)
    kernels.walk(keys, places, rules, desk)
    presence = _presence(first, desk.presence)
    return Walked(presence, _nights(first, desk.presence, rules, len(presence)), desk.counts, desk.profile)


def _presence(first: int, zones: Int32) -> pa.Table:
    row, hour = np.nonzero(zones != NOWHERE)
    columns = {"subscriber": (row + first).astype(np.int32), "hour": hour.astype(np.int8), "zone": zones[row, hour]}
    return pa.table(columns)


def _nights(first: int, zones: Int32, rules: WalkRules, most: int) -> pa.Table:
    nights = np.empty((most, 3), np.int32)
    row, zone, minutes = nights[: kernels.nights_spent(zones, rules, nights)].T.copy()
    columns = {"subscriber": row + np.int32(first), "zone": zone, "night_minutes": minutes.astype(np.int16)}
    return pa.table(columns)
