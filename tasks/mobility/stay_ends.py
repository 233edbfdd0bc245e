"""Moves at both ends of a day, joined to the stays beside them. Compiled. Twin: tests/reference.py.

A phone that rests is heard by neighbouring cells now and then, and its next event tells that it has not moved. Before
the first event of a day and after its last one there is no such event. So a move to neighbours there is no departure.
"""

from tasks.events.jit import kernel
from tasks.mobility.day import CellArrays, Int64, WalkRules
from tasks.mobility.distance import farther
from tasks.mobility.key_fields import cell_of, second_of, subscriber_of
from tasks.mobility.stay_splits import lasts
from tasks.mobility.stay_zones import Runs


@kernel
def join_ends(keys: Int64, runs: Runs, number: int, cells: CellArrays, rules: WalkRules, held: Runs) -> int:
    """Fill `held`: from which key to which one each run holds, with the moves at the ends of its subscriber's day.

    `runs` lose these moves, whose cells say nothing of the place of the stay. Returns the number of runs.
    """
    kept, begin = 0, 0
    while begin < number:
        end, subscriber = begin + 1, subscriber_of(keys[runs.first[begin]])
        while end < number and subscriber_of(keys[runs.first[end]]) == subscriber:
            end += 1
        earliest, latest = runs.first[begin], runs.last[end - 1]
        first, last = joined_ends(keys, runs, begin, end, cells, rules)
        for r in range(first, last + 1):
            held.first[kept] = earliest if r == first else runs.first[r]
            held.last[kept] = latest if r == last else runs.last[r]
            runs.first[kept], runs.last[kept] = runs.first[r], runs.last[r]
            kept += 1
        begin = end
    return kept


@kernel
def joined_ends(keys: Int64, runs: Runs, begin: int, end: int, cells: CellArrays, rules: WalkRules) -> tuple[int, int]:
    """The first and the last one of a subscriber's runs, where moves before and after them are joined to them."""
    first, last, dwell = begin, end - 1, rules.stay.min_dwell
    while first < last and not lasts(keys, runs.first[first], runs.last[first], dwell):
        first += 1
    while last > first and not lasts(keys, runs.first[last], runs.last[last], dwell):
        last -= 1
    if not lasts(keys, runs.first[first], runs.last[first], dwell):
        return begin, end - 1
    before = are_beside(keys, runs.first[begin], runs.first[first], runs.first[first], cells, rules)
    after = are_beside(keys, runs.last[last] + 1, runs.last[end - 1] + 1, runs.last[last], cells, rules)
    return first if before else begin, last if after else end - 1


@kernel
def are_beside(keys: Int64, begin: int, end: int, i: int, cells: CellArrays, rules: WalkRules) -> bool:
    """Whether the keys from `begin` to `end` are of neighbours of the cell of key `i`, and soon before or after it."""
    second, cell, soon = second_of(keys[i]), cell_of(keys[i]), rules.stay.max_ping_pong
    for n in range(begin, end):
        other = cell_of(keys[n])
        if abs(second - second_of(keys[n])) > soon:
            return False
        if farther(cells, other, cell, max(cells.reach[other], cells.reach[cell])):
            return False
    return True
