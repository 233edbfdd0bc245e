"""Presence: the dominant zone of each subscriber and hour, and the minutes of the night by zone. Compiled.

Twins: tests/reference.py.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import HOUR, NO_ZONE, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.key_fields import cell_of, end_of_run, second_of

SUBSCRIBER, ZONE, NIGHT = range(3)
"""Columns of the nights spent."""


class PresenceBuffers(NamedTuple):
    """Presence of a partition, and the space for one subscriber's hour, empty between two."""

    presence: Int32
    """[subscriber - the partition's first, hour]: the zone, or -1."""
    seconds: Int32
    """By zone, of one hour."""
    touched: Int32
    """The zones with seconds in the hour."""


def presence_tables(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    """presence (subscriber, hour, zone) and month_state (subscriber, zone, night_minutes, never 0)."""
    first, last = (int(keys[0] >> SUBSCRIBER_SHIFT), int(keys[-1] >> SUBSCRIBER_SHIFT)) if len(keys) else (0, -1)
    buffers = empty_buffers(last - first + 1, cells, rules)
    assign_all(keys, cells.zone, rules, buffers)
    presence = _presence(first, buffers.presence)
    return {"presence": presence, "month_state": _nights(first, buffers.presence, rules, len(presence))}


def empty_buffers(subscribers: int, cells: CellArrays, rules: WalkRules) -> PresenceBuffers:
    """Empty buffers for this number of subscribers."""
    zones = int(cells.zone.max(initial=NO_ZONE)) + 1
    return PresenceBuffers(
        presence=np.full((subscribers, len(rules.night)), NO_ZONE, np.int32),
        seconds=np.zeros(zones, np.int32),
        touched=np.zeros(zones, np.int32),
    )


def _presence(first: int, zones: Int32) -> pa.Table:
    row, hour = np.nonzero(zones != NO_ZONE)
    columns = {"subscriber": (row + first).astype(np.int32), "hour": hour.astype(np.int8), "zone": zones[row, hour]}
    return pa.table(columns)


def _nights(first: int, zones: Int32, rules: WalkRules, most: int) -> pa.Table:
    nights = np.empty((most, 3), np.int32)
    row, zone, minutes = nights[: nights_spent(zones, rules, nights)].T.copy()
    columns = {"subscriber": row + np.int32(first), "zone": zone, "night_minutes": minutes.astype(np.int16)}
    return pa.table(columns)


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


@kernel
def add_visit(visits: Int32, start: int, stop: int, zone: int) -> tuple[int, int]:
    """Find the zone among visits[start:stop], ascending, or insert it with no minutes; returns its row and the stop."""
    at = stop
    while at > start and visits[at - 1, ZONE] >= zone:
        at -= 1
    if at < stop and visits[at, ZONE] == zone:
        return at, stop
    for n in range(stop, at, -1):
        for column in range(visits.shape[1]):
            visits[n, column] = visits[n - 1, column]
    visits[at, ZONE], visits[at, NIGHT] = zone, 0
    return at, stop + 1


@kernel
def nights_spent(presence: Int32, rules: WalkRules, visits: Int32) -> int:
    """Fill [subscriber, zone, night minutes] rows in order, none without minutes; returns how many there are."""
    stop = 0
    for subscriber in range(presence.shape[0]):
        start = stop
        for hour in range(presence.shape[1]):
            if rules.night[hour] and presence[subscriber, hour] != NO_ZONE:
                at, stop = add_visit(visits, start, stop, presence[subscriber, hour])
                visits[at, NIGHT] += 60
        for n in range(start, stop):
            visits[n, SUBSCRIBER] = subscriber
    return stop
