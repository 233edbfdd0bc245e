"""Presence: the dominant zone of each subscriber and hour. Compiled. Twins: tests/reference.py."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import HOUR, NO_ZONE, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.key_fields import cell_of, end_of_run, second_of


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
def dominant_zone(seconds: Int32, touched: Int32, zones: int) -> int:
    """The zone with most seconds, ties to the lowest; clears the hour's seconds."""
    best = int(touched[0])
    for n in range(1, zones):
        zone = int(touched[n])
        if seconds[zone] > seconds[best] or (seconds[zone] == seconds[best] and zone < best):
            best = zone
    for n in range(zones):
        seconds[touched[n]] = 0
    return best


@kernel
def assign_presence(
    keys: Int64, start: int, stop: int, zone: Int32, rules: WalkRules, buffers: PresenceBuffers, row: int
) -> None:
    """Fill the row's hours: an event's zone holds until the next event, the longest gap or the day's end."""
    hour, zones = 0, 0
    for i in range(start, stop):
        place = zone[cell_of(keys[i])]
        if place == NO_ZONE:
            continue
        begin = second_of(keys[i])
        end = min(begin + rules.max_gap_seconds, rules.day_seconds)
        if i + 1 < stop:
            end = min(end, second_of(keys[i + 1]))
        while begin < end:
            if begin >= (hour + 1) * HOUR:
                if zones:
                    buffers.presence[row, hour] = dominant_zone(buffers.seconds, buffers.touched, zones)
                hour, zones = begin // HOUR, 0
            until = min(end, (hour + 1) * HOUR)
            if buffers.seconds[place] == 0:
                buffers.touched[zones] = place
                zones += 1
            buffers.seconds[place] += until - begin
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
