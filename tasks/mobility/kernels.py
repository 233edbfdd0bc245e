"""The walk's kernels: one pass over each subscriber's sorted keys, in the words of the definition.

Every kernel has a plain-Python twin in tests/reference.py. All small ones are inlined into `walk`; they change `keys`
in place, because rows are only ever dropped, and never allocate. Compiled code is kept only where NUMBA_CACHE_DIR says.
"""

import math
import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tasks.events.keys import CELLS, REASON_SECOND, SECOND_SHIFT, SUBSCRIBER_SHIFT

HOUR = 3600
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""
CONFLICTING, DUPLICATE, IMPOSSIBLE, KEPT, OUTSIDE = range(5)
"""Entries of the walk's counts: WALK_REASONS in their order, kept rows, and of these the ones outside every zone."""
COUNTS = 5
PROFILE_UNIT = 64
"""The profile is an integer vector in 1/64 rows."""
NOWHERE = -1

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Int16 = NDArray[np.int16]
Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile without the interpreter lock; the result is kept where NUMBA_CACHE_DIR says, if it says."""
    return cast(Function, njit(cache=bool(os.environ.get("NUMBA_CACHE_DIR")), nogil=True)(function))


class Places(NamedTuple):
    """Cells by rank: zone (-1 outside all), place in radians, and in metres on a plane that overstates distances."""

    zone: Int32
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class WalkRules(NamedTuple):
    """The policy's limits on a day, and which of its hours are night (22-06) and work (9-17 on weekdays)."""

    day_seconds: int
    carry_seconds: int
    speed_m: float
    speed_mps: float
    profile_bound: int
    night: NDArray[np.bool_]
    work: NDArray[np.bool_]


@kernel
def cell_of(key: int) -> int:
    """The key's rank in the cell plan."""
    return key & (CELLS - 1)


@kernel
def second_of(key: int) -> int:
    """The key's elapsed second of the local day."""
    return (key >> SECOND_SHIFT) & REASON_SECOND


@kernel
def haversine(places: Places, a: int, b: int) -> float:
    """Great-circle distance of two cells in metres (R. W. Sinnott 1984)."""
    latitude = math.sin((places.latitude[b] - places.latitude[a]) / 2)
    longitude = math.sin((places.longitude[b] - places.longitude[a]) / 2)
    chord = latitude**2 + math.cos(places.latitude[a]) * math.cos(places.latitude[b]) * longitude**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


@kernel
def too_far(places: Places, rules: WalkRules, earlier: int, later: int) -> bool:
    """Whether the way between two keys is longer than the limit and faster than the limit."""
    a, b = cell_of(earlier), cell_of(later)
    if a == b:
        return False
    reach = max(rules.speed_m, rules.speed_mps * (second_of(later) - second_of(earlier)))
    # The plane overstates every distance, so what is near on it is near: most pairs need no trigonometry.
    if (places.x[a] - places.x[b]) ** 2 + (places.y[a] - places.y[b]) ** 2 < reach * reach * (1 - 1e-9):
        return False
    return haversine(places, a, b) > reach


@kernel
def conflicting(keys: Int64, start: int, stop: int, zone: Int32) -> bool:
    """Whether rows of one second lie in different zones; all cells outside the zones are one place."""
    first = zone[cell_of(keys[start])]
    different = False
    for i in range(start + 1, stop):
        different |= zone[cell_of(keys[i])] != first
    return different


@kernel
def drop_conflicts_and_duplicates(keys: Int64, start: int, stop: int, zone: Int32, counts: Int64) -> int:
    """Keep one row for each second and cell, none of a second in two places; returns the end of what is kept."""
    kept = start
    i = start
    while i < stop:
        j = i + 1
        while j < stop and keys[j] >> SECOND_SHIFT == keys[i] >> SECOND_SHIFT:
            j += 1
        if j > i + 1 and conflicting(keys, i, j, zone):
            counts[CONFLICTING] += j - i
        else:
            unique = kept
            for n in range(i, j):
                if kept == unique or keys[n] != keys[kept - 1]:
                    keys[kept] = keys[n]
                    kept += 1
            counts[DUPLICATE] += (j - i) - (kept - unique)
        i = j
    return kept


@kernel
def drop_impossible_speed(keys: Int64, start: int, stop: int, places: Places, rules: WalkRules, counts: Int64) -> int:
    """Drop rows too far from both neighbours, all judged at once; returns the end of what is kept."""
    if stop - start < 3:
        return stop
    kept = start + 1
    far_before = too_far(places, rules, keys[start], keys[start + 1])
    for i in range(start + 1, stop - 1):
        far_after = too_far(places, rules, keys[i], keys[i + 1])
        if far_before and far_after:
            counts[IMPOSSIBLE] += 1
        else:
            keys[kept] = keys[i]
            kept += 1
        far_before = far_after
    keys[kept] = keys[stop - 1]
    return kept + 1


@kernel
def settle_hour(seconds: Int32, touched: Int32, zones: int) -> int:
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
def hold_zones(
    keys: Int64, start: int, stop: int, zone: Int32, rules: WalkRules, seconds: Int32, touched: Int32, presence: Int32
) -> None:
    """Fill the subscriber's hours: a row's zone holds until the next row, the carry limit or the day's end."""
    hour, zones = 0, 0
    for i in range(start, stop):
        place = zone[cell_of(keys[i])]
        if place == NOWHERE:
            continue
        begin = second_of(keys[i])
        end = min(begin + rules.carry_seconds, rules.day_seconds)
        if i + 1 < stop:
            end = min(end, second_of(keys[i + 1]))
        while begin < end:
            if begin >= (hour + 1) * HOUR:
                if zones:
                    presence[hour] = settle_hour(seconds, touched, zones)
                hour, zones = begin // HOUR, 0
            until = min(end, (hour + 1) * HOUR)
            if seconds[place] == 0:
                touched[zones] = place
                zones += 1
            seconds[place] += until - begin
            begin = until
    if zones:
        presence[hour] = settle_hour(seconds, touched, zones)


@kernel
def add_to_profile(rows: Int64, bound: int, profile: Int64) -> None:
    """Add one subscriber's row counts, scaled to squared L2 norm at most `bound`, in 1/64 rows; clears the counts."""
    squares = 0
    for n in range(len(rows)):
        squares += rows[n] * rows[n]
    if squares == 0:
        return
    # Below 4096 the floating root is exact, and 64 is the largest weight.
    weight = int(math.sqrt(min(PROFILE_UNIT * PROFILE_UNIT, PROFILE_UNIT * PROFILE_UNIT * bound // squares)))
    for n in range(len(rows)):
        profile[n] += rows[n] * weight
        rows[n] = 0


@kernel
def walk(keys: Int64, places: Places, rules: WalkRules, presence: Int32, counts: Int64, profile: Int64) -> None:
    """Walk all subscribers of sorted keys: presence[subscriber - first, hour] = zone or -1, counts, profile."""
    seconds = np.zeros(max(1, places.zone.max() + 1), np.int32)
    touched = np.empty(len(seconds), np.int32)
    rows = np.zeros(len(profile), np.int64)
    hours = rules.day_seconds // HOUR
    first = keys[0] >> SUBSCRIBER_SHIFT
    start = 0
    while start < len(keys):
        subscriber = keys[start] >> SUBSCRIBER_SHIFT
        stop = start
        while (
            stop < len(keys) and keys[stop] >> SUBSCRIBER_SHIFT == subscriber and second_of(keys[stop]) < REASON_SECOND
        ):
            stop += 1
        end = stop
        while end < len(keys) and keys[end] >> SUBSCRIBER_SHIFT == subscriber:
            rows[hours + cell_of(keys[end])] += 1
            end += 1
        stop = drop_conflicts_and_duplicates(keys, start, stop, places.zone, counts)
        stop = drop_impossible_speed(keys, start, stop, places, rules, counts)
        for i in range(start, stop):
            rows[second_of(keys[i]) // HOUR] += 1
            counts[OUTSIDE] += places.zone[cell_of(keys[i])] == NOWHERE
        counts[KEPT] += stop - start
        add_to_profile(rows, rules.profile_bound, profile)
        hold_zones(keys, start, stop, places.zone, rules, seconds, touched, presence[subscriber - first])
        start = end


@kernel
def visit(zones: Int32, minutes: Int16, start: int, stop: int, zone: int) -> tuple[int, int]:
    """Find the zone among zones[start:stop] (ascending) or insert it; returns its place and the new stop."""
    at = stop
    while at > start and zones[at - 1] >= zone:
        at -= 1
    if at < stop and zones[at] == zone:
        return at, stop
    for n in range(stop, at, -1):
        zones[n] = zones[n - 1]
        minutes[n] = minutes[n - 1]
    zones[at] = zone
    minutes[at] = 0
    return at, stop + 1


@kernel
def zones_visited(presence: Int32, rules: WalkRules, rows: int) -> tuple[Int32, Int32, Int16]:
    """Each subscriber's zones, ascending: subscriber, zone and (night, work) minutes; there are at most `rows`."""
    subscribers = np.empty(rows, np.int32)
    zones = np.empty(rows, np.int32)
    minutes = np.zeros((rows, 2), np.int16)
    stop = 0
    for subscriber in range(len(presence)):
        start = stop
        for hour in range(presence.shape[1]):
            if presence[subscriber, hour] != NOWHERE:
                at, stop = visit(zones, minutes, start, stop, presence[subscriber, hour])
                minutes[at, 0] += 60 * rules.night[hour]
                minutes[at, 1] += 60 * rules.work[hour]
        subscribers[start:stop] = subscriber
    return subscribers[:stop], zones[:stop], minutes[:stop]
