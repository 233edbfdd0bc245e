"""Stays: where subscribers remained, from when to when. Compiled. Twins: tests/reference.py.

A run holds the events of one zone, over gaps up to a limit. A run shorter than the minimum dwell is a move. Two runs of
a zone with only moves to neighbouring cells between them are one (ping-pong). Where all its cells change, a run is two
(stay_splits.py). Moves to neighbouring cells at the ends of the day belong to the stay beside them (stay_ends.py).
Every run that is no move is a stay. A stay's zone is that for which its cells speak most (stay_zones.py); stays of one
zone that touch are one.
"""

from typing import NamedTuple

import numpy as np

from tasks.events.jit import kernel
from tasks.mobility.day import CellArrays, Int32, Int64, WalkRules
from tasks.mobility.distance import farther
from tasks.mobility.key_fields import cell_of, second_of, subscriber_of
from tasks.mobility.silence import held_after, held_before, held_to_midnight, longest_gap
from tasks.mobility.stay_ends import join_ends
from tasks.mobility.stay_splits import split_runs
from tasks.mobility.stay_zones import Runs, stay_zones


class Stays(NamedTuple):
    """Stays in order of (subscriber, start): zone (-1 outside), and seconds of start and end."""

    subscriber: Int32
    zone: Int32
    start: Int32
    end: Int32


def find_stays(keys: Int64, cells: CellArrays, rules: WalkRules) -> Stays:
    """The stays of the subscribers of cleaned, sorted keys."""
    # A run a key would fit; memory that no run is written to is never mapped.
    runs = Runs(*np.empty((len(Runs._fields), len(keys)), np.int32))
    number = fill_runs(keys, cells, rules, runs)
    runs, number = split_runs(keys, Runs(*(column[:number] for column in runs)), cells, rules)
    held = Runs(*np.empty((len(Runs._fields), number), np.int32))
    number = join_ends(keys, runs, number, cells, rules, held)
    stays = Stays(*np.empty((len(Stays._fields), number), np.int32))
    number = fill_stays(keys, runs, number, held, cells.zone, rules, stays)
    stays.zone[:number] = stay_zones(keys, Runs(*(column[:number] for column in runs)), cells)
    number = join_stays(stays, number)
    return Stays(*(column[:number] for column in stays))


@kernel
def continues(earlier: int, later: int, zone: Int32, rules: WalkRules) -> bool:
    """Whether the later of two keys is in the run of the earlier one."""
    begin, end = second_of(earlier), second_of(later)
    return (
        subscriber_of(earlier) == subscriber_of(later)
        and zone[cell_of(earlier)] == zone[cell_of(later)]
        and end - begin <= longest_gap(begin, end, rules)
    )


@kernel
def fill_runs(keys: Int64, cells: CellArrays, rules: WalkRules, runs: Runs) -> int:
    """Fill the runs, joined over ping-pong; returns their number."""
    number, start = 0, 0
    for i in range(len(keys)):
        if i == 0 or subscriber_of(keys[i - 1]) != subscriber_of(keys[i]):
            start = number
        if i == 0 or not continues(keys[i - 1], keys[i], cells.zone, rules):
            returns = returns_to(keys, runs, start, number, i, cells, rules)
            if returns < 0:
                returns = number
                runs.first[number] = i
            number = returns + 1
        runs.last[number - 1] = i
    return number


@kernel
def returns_to(keys: Int64, runs: Runs, start: int, stop: int, i: int, cells: CellArrays, rules: WalkRules) -> int:
    """The subscriber's run that key `i` continues after moves to neighbouring cells, or -1."""
    second, cell = second_of(keys[i]), cell_of(keys[i])
    for r in range(stop - 1, start - 1, -1):
        first, last = keys[runs.first[r]], keys[runs.last[r]]
        if second - second_of(last) > rules.stay.max_ping_pong:
            return -1
        if cells.zone[cell_of(first)] == cells.zone[cell]:
            return r
        if second_of(last) - second_of(first) >= rules.stay.min_dwell:
            return -1
        left = cell_of(last)
        if farther(cells, left, cell, max(cells.reach[left], cells.reach[cell])):
            return -1
    return -1


@kernel
def fill_stays(keys: Int64, runs: Runs, number: int, held: Runs, zone: Int32, rules: WalkRules, stays: Stays) -> int:
    """Fill all but the zones of stays, and keep their runs alone; returns their number. `held`: of each run."""
    kept = 0
    for r in range(number):
        subscriber = subscriber_of(keys[runs.first[r]])
        first, last = second_of(keys[held.first[r]]), second_of(keys[held.last[r]])
        if last - first < rules.stay.min_dwell:
            continue
        start, end = first - held_to_midnight(0, first, rules), last + held_to_midnight(last, rules.day_seconds, rules)
        if r > 0 and subscriber_of(keys[held.last[r - 1]]) == subscriber:
            start = border(keys[held.last[r - 1]], keys[held.first[r]], zone, rules)[1]
        if r + 1 < number and subscriber_of(keys[held.first[r + 1]]) == subscriber:
            end = border(keys[held.last[r]], keys[held.first[r + 1]], zone, rules)[0]
        stays.subscriber[kept], stays.start[kept], stays.end[kept] = subscriber, start, end
        runs.first[kept], runs.last[kept] = runs.first[r], runs.last[r]
        kept += 1
    return kept


@kernel
def border(earlier: int, later: int, zone: Int32, rules: WalkRules) -> tuple[int, int]:
    """Until when the run of the earlier key holds, and since when that of the later one.

    Each holds for half of the gap, up to a limit; parts of one run touch.
    """
    before, after = second_of(earlier), second_of(later)
    if continues(earlier, later, zone, rules):
        middle = after - (after - before) // 2
        return middle, middle
    return before + held_after(before, after, rules), after - held_before(before, after, rules)


@kernel
def join_stays(stays: Stays, number: int) -> int:
    """Join stays of one zone that touch; returns their number."""
    kept = 0
    for r in range(number):
        last = kept - 1
        same = kept > 0 and stays.subscriber[last] == stays.subscriber[r] and stays.zone[last] == stays.zone[r]
        if same and stays.end[last] == stays.start[r]:
            stays.end[last] = stays.end[r]
            continue
        for column in stays:
            column[kept] = column[r]
        kept += 1
    return kept
