"""How a phone's events would show stays of known lengths, at fixed times. Twin: tests/reference_detection.py.

A window is a time in which a phone is taken to be in one place, and elsewhere before and after. Its events show a stay
by the rules of stays (stays.py), or none. Cells play no part in it, so this is right if events come as often
everywhere.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import HOUR, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.key_fields import cell_of, second_of
from tasks.mobility.silence import held_after, held_before, held_to_midnight, longest_gap
from tasks.mobility.windows import (
    AFTERNOON,
    ANY,
    BEFORE,
    BITS,
    BOTH,
    EDGES,
    EVENING,
    FOUND,
    MISSED,
    NIGHT,
    OVERNIGHT,
    PRESENT,
    PRESENT_AT,
    SHORTEST,
    TIMES,
    WINDOWS,
    windows,
)


def detection_tables(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    """detection: subscriber, and the packed counts of each window."""
    subscriber, times = keys >> SUBSCRIBER_SHIFT, windows(rules.day_seconds)
    start = np.flatnonzero(np.diff(subscriber, prepend=-1))
    counts = np.zeros((len(start), len(WINDOWS)), np.int64)
    second, at = np.unique(np.append(times.ravel(), PRESENT_AT), return_inverse=True)
    moments = Moments(second, at[: times.size].reshape(times.shape), at[times.size :], np.empty(len(second), np.int64))
    fill_all(keys, np.append(start, len(keys)), cells.zone, rules, moments, counts)
    columns = dict(zip(WINDOWS, counts.T.copy(), strict=True))
    return {"detection": pa.table({"subscriber": subscriber[start].astype(np.int32), **columns})}


class Moments(NamedTuple):
    """When windows begin and end, and where that is in the keys of a subscriber."""

    second: Int64
    """Of each moment, ascending."""
    windows: Int64
    """[window, variant, (begin, end)] as numbers of moments."""
    hours: Int64
    """[variant] likewise, when each hour begins."""
    keys: Int64
    """Space for one subscriber: by moment, the first key that is not before it."""


@kernel
def fill_all(keys: Int64, start: Int64, zone: Int32, rules: WalkRules, moments: Moments, counts: Int64) -> None:
    """Fill the counts of every subscriber; the keys of one are those from `start` to the next one's."""
    show, ends = np.zeros(len(WINDOWS), np.int64), run_ends(keys, start, rules)
    for row in range(len(start) - 1):
        first, stop = start[row], start[row + 1]
        find(keys, first, stop, moments)
        for n in range(TIMES):
            for w in range(len(moments.windows)):
                begin, end = moments.windows[w, n, 0], moments.windows[w, n, 1]
                show[w] = shown(keys, first, stop, moments.keys[begin], moments.keys[end], ends, rules)
            night, by_day = show[NIGHT] != MISSED, show[NIGHT - 1] != MISSED
            evening = show[AFTERNOON if n % 2 else EVENING] != MISSED
            show[BOTH] = FOUND if night and evening else MISSED
            show[ANY] = FOUND if night or evening or by_day else MISSED
            hour = moments.hours[n]
            here = present(keys, first, stop, moments.keys[hour], moments.second[hour], zone, rules)
            show[PRESENT] = FOUND if here else MISSED
            for w in range(len(WINDOWS)):
                counts[row, w] += 1 << (BITS * show[w])


@kernel
def find(keys: Int64, first: int, stop: int, moments: Moments) -> None:
    """Fill where each moment is in the keys of a subscriber."""
    i = first
    for m in range(len(moments.second)):
        while i < stop and second_of(keys[i]) < moments.second[m]:
            i += 1
        moments.keys[m] = i


@kernel
def run_ends(keys: Int64, start: Int64, rules: WalkRules) -> Int32:
    """The number of the last key that follows each one without a gap that ends a stay."""
    ends = np.empty(len(keys), np.int32)
    for row in range(len(start) - 1):
        for i in range(start[row + 1] - 1, start[row] - 1, -1):
            ends[i] = i
            if i + 1 < start[row + 1]:
                second, after = second_of(keys[i]), second_of(keys[i + 1])
                if after - second <= longest_gap(second, after, rules):
                    ends[i] = ends[i + 1]
    return ends


@kernel
def shown(keys: Int64, first: int, stop: int, run: int, after: int, ends: Int32, rules: WalkRules) -> int:
    """What a window with the keys from `run` to `after` shows; `ends`: of runs."""
    while run < after:
        last = min(ends[run], after - 1)
        if second_of(keys[last]) - second_of(keys[run]) >= rules.stay.min_dwell:
            return class_of(keys, first, stop, run, last, rules)
        run = last + 1
    return MISSED


@kernel
def class_of(keys: Int64, first: int, stop: int, run: int, last: int, rules: WalkRules) -> int:
    """The class of a stay with the keys from `run` to `last`."""
    begin, end = second_of(keys[run]), second_of(keys[last])
    if run == first:
        begin -= held_to_midnight(0, begin, rules)
    else:
        begin -= held_before(second_of(keys[run - 1]), begin, rules)
    if last + 1 == stop:
        end += held_to_midnight(end, rules.day_seconds, rules)
    else:
        end += held_after(end, second_of(keys[last + 1]), rules)
    if begin == 0:
        return BEFORE
    if end == rules.day_seconds:
        return OVERNIGHT
    found = SHORTEST
    for edge in EDGES:
        found += end - begin >= 60 * edge
    return found


@kernel
def present(keys: Int64, first: int, stop: int, i: int, hour: int, zone: Int32, rules: WalkRules) -> bool:
    """Whether the phone has a place in the hour that begins at a second, before key `i` (presence.py)."""
    end = hour + HOUR
    if i == stop:
        last = second_of(keys[i - 1])
        return last + held_to_midnight(last, rules.day_seconds, rules) > hour
    later = second_of(keys[i])
    if later < end:
        return True
    if i == first:
        return later - held_to_midnight(0, later, rules) < end
    earlier = second_of(keys[i - 1])
    if zone[cell_of(keys[i - 1])] == zone[cell_of(keys[i])] and later - earlier <= longest_gap(earlier, later, rules):
        return True
    return earlier + held_after(earlier, later, rules) > hour or later - held_before(earlier, later, rules) < end
