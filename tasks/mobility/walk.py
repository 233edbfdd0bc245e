"""The walk of one partition: keys in any order -> presence, nights spent, counts by reason and the profile."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility import kernels
from tasks.mobility.day import NO_ZONE, CellArrays, Int32, Int64, WalkRules, empty_buffers


@dataclass(frozen=True)
class Walked:
    """One partition's day. `subscriber` is the rank in the day's panel; rows are sorted by it, then by hour or zone."""

    presence: pa.Table
    """subscriber int32, hour int8, zone int32"""
    nights: pa.Table
    """subscriber int32, zone int32, night_minutes int16, never 0"""
    counts: Int64
    profile: Int64


def walk_partition(keys: Int64, cells: CellArrays, rules: WalkRules) -> Walked:
    """Walk the subscribers of a partition; `keys` (any order, whole subscribers) is sorted and used up."""
    keys.sort()
    first, last = (int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)) if len(keys) else (0, -1)
    buffers = empty_buffers(last - first + 1, cells, rules)
    kernels.walk(keys, cells, rules, buffers)
    presence = _presence(first, buffers.presence)
    return Walked(presence, _nights(first, buffers.presence, rules, len(presence)), buffers.counts, buffers.profile)


def _presence(first: int, zones: Int32) -> pa.Table:
    row, hour = np.nonzero(zones != NO_ZONE)
    columns = {"subscriber": (row + first).astype(np.int32), "hour": hour.astype(np.int8), "zone": zones[row, hour]}
    return pa.table(columns)


def _nights(first: int, zones: Int32, rules: WalkRules, most: int) -> pa.Table:
    nights = np.empty((most, 3), np.int32)
    row, zone, minutes = nights[: kernels.nights_spent(zones, rules, nights)].T.copy()
    columns = {"subscriber": row + np.int32(first), "zone": zone, "night_minutes": minutes.astype(np.int16)}
    return pa.table(columns)
