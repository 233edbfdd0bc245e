"""Presence: the dominant zone of each subscriber and hour. Compiled. Twins: tests/reference.py."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import HOUR, NO_ZONE, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.key_fields import cell_of, end_of_run, second_of
from tasks.mobility.silence import held_after, held_before, held_to_midnight, longest_gap
from tasks.mobility.zone_sums import add, dominant_zone


class PresenceBuffers(NamedTuple):
    """Presence of a partition, and the space for one subscriber's hour, empty between two."""

    presence: Int32
    """[subscriber - the partition's first, hour]: the zone, or -1."""
    seconds: Int32
    """By zone, of one hour."""
    touched: Int32
    """The zones with seconds in the hour."""


def presence_tables(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    """presence: subscriber, hour, zone."""
    first, last = (int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)) if len(keys) else (0, -1)
    zones = int(cells.zone.max(initial=NO_ZONE)) + 1
    buffers = PresenceBuffers(
        presence=np.full((last - first + 1, len(rules.night)), NO_ZONE, np.int32),
        seconds=np.zeros(zones, np.int32),
        touched=np.zeros(zones, np.int32),
    )
    assign_all(keys, cells.zone, rules, buffers)
    row, hour = np.nonzero(buffers.presence != NO_ZONE)
    zone, subscriber = buffers.presence[row, hour], (row + first).astype(np.int32)
    return {"presence": pa.table({"subscriber": subscriber, "hour": hour.astype(np.int8), "zone": zone})}


@kernel
def held_from(keys: Int64, start: int, i: int, zone: Int32, rules: WalkRules) -> int:
    """The second from which the zone of key `i` holds; the gap to an event of the same zone belongs to that one."""
    second = second_of(keys[i])
    if i == start:
        return second - held_to_midnight(0, second, rules)
    earlier = second_of(keys[i - 1])
    if same_zone(keys, i - 1, zone) and second - earlier <= longest_gap(earlier, second, rules):
        return second
    return second - held_before(earlier, second, rules)


@kernel
def held_until(keys: Int64, stop: int, i: int, zone: Int32, rules: WalkRules) -> int:
    """The second until which the zone of key `i` holds."""
    second = second_of(keys[i])
    if i + 1 == stop:
        return second + held_to_midnight(second, rules.day_seconds, rules)
    later = second_of(keys[i + 1])
    if same_zone(keys, i, zone) and later - second <= longest_gap(second, later, rules):
        return later
    return second + held_after(second, later, rules)


@kernel
def same_zone(keys: Int64, i: int, zone: Int32) -> bool:
    """Whether a key and the next one are in one zone."""
    return bool(zone[cell_of(keys[i])] == zone[cell_of(keys[i + 1])])


@kernel
def assign_presence(
    keys: Int64, start: int, stop: int, zone: Int32, rules: WalkRules, buffers: PresenceBuffers, row: int
) -> None:
    """Fill the row's hours with the zone that holds for most of each."""
    hour, zones = 0, 0
    for i in range(start, stop):
        place = zone[cell_of(keys[i])]
        if place == NO_ZONE:
            continue
        begin, end = held_from(keys, start, i, zone, rules), held_until(keys, stop, i, zone, rules)
        while begin < end:
            if begin >= (hour + 1) * HOUR:
                if zones:
                    buffers.presence[row, hour] = dominant_zone(buffers.seconds, buffers.touched, zones)
                hour, zones = begin // HOUR, 0
            until = min(end, (hour + 1) * HOUR)
            zones = add(buffers.seconds, buffers.touched, zones, place, until - begin)
            begin = until
    if zones:
        buffers.presence[row, hour] = dominant_zone(buffers.seconds, buffers.touched, zones)


@kernel
def assign_all(keys: Int64, zone: Int32, rules: WalkRules, buffers: PresenceBuffers) -> None:
    """Fill the presence of every subscriber of cleaned keys."""
    start = 0
    while start < len(keys):
        stop = end_of_run(keys, start, len(keys), SUBSCRIBER_SHIFT)
        row = (keys[start] >> SUBSCRIBER_SHIFT) - (keys[0] >> SUBSCRIBER_SHIFT)
        assign_presence(keys, start, stop, zone, rules, buffers, row)
        start = stop
