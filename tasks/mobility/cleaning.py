"""Cleaning of a partition's keys, compiled: conflicts, duplicates and impossible speeds go; counts and profile stay.

Kernels change `keys` in place, because rows are only dropped, and allocate nothing. Twins: tests/reference.py.
"""

import math

from tasks.events.jit import kernel
from tasks.events.packed_key import REASON_SECOND, SECOND_SHIFT, SUBSCRIBER_SHIFT
from tasks.mobility.day import HOUR, NO_ZONE, PROFILE_UNIT, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.distance import farther
from tasks.mobility.key_fields import cell_of, end_of_run, second_of

CONFLICTING, DUPLICATE, IMPOSSIBLE, KEPT, OUTSIDE = range(5)
"""Entries of the counts, as in COUNT_NAMES."""


@kernel
def too_far(cells: CellArrays, rules: WalkRules, earlier: int, later: int) -> bool:
    """Whether the way between two keys is longer than the limit and faster than the limit."""
    a, b = cell_of(earlier), cell_of(later)
    return a != b and farther(
        cells, a, b, max(rules.speed_m, rules.speed_mps * (second_of(later) - second_of(earlier)))
    )


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
def drop_unfit(keys: Int64, cells: CellArrays, rules: WalkRules, counts: Int64, profile: Int64, rows: Int64) -> int:
    """Clean sorted keys by the order of rules; returns the end of what is kept. `rows`: zeros like the profile."""
    hours = rules.day_seconds // HOUR
    kept, start = 0, 0
    while start < len(keys):
        end = end_of_run(keys, start, len(keys), SUBSCRIBER_SHIFT)
        stop = end
        while stop > start and second_of(keys[stop - 1]) == REASON_SECOND:
            stop -= 1
            rows[hours + cell_of(keys[stop])] += 1
        stop = drop_conflicts_and_duplicates(keys, start, stop, cells.zone, counts)
        stop = drop_impossible_speed(keys, start, stop, cells, rules, counts)
        counts[KEPT] += stop - start
        for i in range(start, stop):
            rows[second_of(keys[i]) // HOUR] += 1
            counts[OUTSIDE] += cells.zone[cell_of(keys[i])] == NO_ZONE
            keys[kept] = keys[i]
            kept += 1
        add_to_profile(rows, rules.profile_bound, profile)
        start = end
    return kept
