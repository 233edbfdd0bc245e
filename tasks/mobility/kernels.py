"""The walk's kernels: one pass over each subscriber's sorted keys, in the words of the definition.

Every kernel has a plain-Python twin in tests/reference.py. All small ones are inlined into `walk`; they change `keys`
in place, because rows are only ever dropped, and never allocate. Compiled code is kept only where NUMBA_CACHE_DIR says.
"""

import math

from tasks.events.jit import kernel
from tasks.events.packed_key import CELLS, REASON_SECOND, SECOND_SHIFT, SUBSCRIBER_SHIFT
from tasks.mobility.day import (
    CONFLICTING,
    DUPLICATE,
    EARTH_RADIUS_M,
    HOUR,
    IMPOSSIBLE,
    KEPT,
    NIGHT,
    NO_ZONE,
    OUTSIDE,
    PROFILE_UNIT,
    SUBSCRIBER,
    ZONE,
    CellArrays,
    Int32,
    Int64,
    WalkBuffers,
    WalkRules,
)


@kernel
def cell_of(key: int) -> int:
    """The key's rank in the cell plan."""
    return key & (CELLS - 1)


@kernel
def second_of(key: int) -> int:
    """The key's elapsed second of the local day."""
    return (key >> SECOND_SHIFT) & REASON_SECOND


@kernel
def end_of_run(keys: Int64, start: int, stop: int, shift: int) -> int:
    """Where the run of keys ends that agree with the first above `shift` bits."""
    end = start + 1
    while end < stop and keys[end] >> shift == keys[start] >> shift:
        end += 1
    return end


@kernel
def haversine(cells: CellArrays, a: int, b: int) -> float:
    """Great-circle distance of two cells in metres (R. W. Sinnott 1984)."""
    latitude = math.sin((cells.latitude[b] - cells.latitude[a]) / 2)
    longitude = math.sin((cells.longitude[b] - cells.longitude[a]) / 2)
    chord = latitude**2 + math.cos(cells.latitude[a]) * math.cos(cells.latitude[b]) * longitude**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord)))


@kernel
def too_far(cells: CellArrays, rules: WalkRules, earlier: int, later: int) -> bool:
    """Whether the way between two keys is longer than the limit and faster than the limit."""
    a, b = cell_of(earlier), cell_of(later)
    if a == b:
        return False
    reach = max(rules.speed_m, rules.speed_mps * (second_of(later) - second_of(earlier)))
    # The plane overstates every distance, so what is near on it is near: most pairs need no trigonometry.
    if (cells.x[a] - cells.x[b]) ** 2 + (cells.y[a] - cells.y[b]) ** 2 < reach * reach * (1 - 1e-9):
        return False
    return haversine(cells, a, b) > reach


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
        j = end_of_run(keys, i, stop, SECOND_SHIFT)
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
def drop_impossible_speed(
    keys: Int64, start: int, stop: int, cells: CellArrays, rules: WalkRules, counts: Int64
) -> int:
    """Drop rows too far from both neighbours, all judged at once; returns the end of what is kept."""
    if stop - start < 3:
        return stop
    kept = start + 1
    far_before = too_far(cells, rules, keys[start], keys[start + 1])
    for i in range(start + 1, stop - 1):
        far_after = too_far(cells, rules, keys[i], keys[i + 1])
        if far_before and far_after:
            counts[IMPOSSIBLE] += 1
        else:
            keys[kept] = keys[i]
            kept += 1
        far_before = far_after
    keys[kept] = keys[stop - 1]
    return kept + 1


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
    keys: Int64, start: int, stop: int, zone: Int32, rules: WalkRules, buffers: WalkBuffers, row: int
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
def walk(keys: Int64, cells: CellArrays, rules: WalkRules, buffers: WalkBuffers) -> None:
    """Walk all subscribers of sorted keys, in the order of judgement: fills presence, counts and profile."""
    hours = rules.day_seconds // HOUR
    start = 0
    while start < len(keys):
        end = end_of_run(keys, start, len(keys), SUBSCRIBER_SHIFT)
        stop = end
        while stop > start and second_of(keys[stop - 1]) == REASON_SECOND:
            stop -= 1
            buffers.rows[hours + cell_of(keys[stop])] += 1
        stop = drop_conflicts_and_duplicates(keys, start, stop, cells.zone, buffers.counts)
        stop = drop_impossible_speed(keys, start, stop, cells, rules, buffers.counts)
        buffers.counts[KEPT] += stop - start
        for i in range(start, stop):
            buffers.rows[second_of(keys[i]) // HOUR] += 1
            buffers.counts[OUTSIDE] += cells.zone[cell_of(keys[i])] == NO_ZONE
        add_to_profile(buffers.rows, rules.profile_bound, buffers.profile)
        row = (keys[start] >> SUBSCRIBER_SHIFT) - (keys[0] >> SUBSCRIBER_SHIFT)
        assign_presence(keys, start, stop, cells.zone, rules, buffers, row)
        start = end


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
