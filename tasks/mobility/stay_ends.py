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
def join_ends(keys: Int64, runs: Runs, number: int, cells: CellArrays, rules: WalkRules) -> int:
    """Join moves at the ends of each subscriber's day to stays, in place; returns the number of runs."""
    kept, begin = 0, 0
    while begin < number:
        end, subscriber = begin + 1, subscriber_of(keys[runs.first[begin]])
        while end < number and subscriber_of(keys[runs.first[end]]) == subscriber:
            end += 1
        first, last = joined_ends(keys, runs, begin, end, cells, rules)
        for r in range(first, last + 1):
            runs.first[kept], runs.last[kept] = runs.first[r], runs.last[r]
            kept += 1
        begin = end
    return kept


@kernel
def joined_ends(keys: Int64, runs: Runs, begin: int, end: int, cells: CellArrays, rules: WalkRules) -> tuple[int, int]:
    """The first and the last one of a subscriber's runs, after moves before and after them are joined to them."""
    first, last, dwell = begin, end - 1, rules.stay.min_dwell
    while first < last and not lasts(keys, runs.first[first], runs.last[first], dwell):
        first += 1
    while last > first and not lasts(keys, runs.first[last], runs.last[last], dwell):
        last -= 1
    if not lasts(keys, runs.first[first], runs.last[first], dwell):
        return begin, end - 1
    if are_beside(keys, runs, begin, first, runs.first[first], cells, rules):
        runs.first[first] = runs.first[begin]
    else:
        first = begin
    if are_beside(keys, runs, last + 1, end, runs.last[last], cells, rules):
        runs.last[last] = runs.last[end - 1]
    else:
        last = end - 1
    return first, last


@kernel
def are_beside(keys: Int64, runs: Runs, begin: int, end: int, i: int, cells: CellArrays, rules: WalkRules) -> bool:
    """Whether the moves from `begin` to `end` are to neighbours of the cell of key `i`, and soon before or after it."""
    second, cell, soon = second_of(keys[i]), cell_of(keys[i]), rules.stay.max_ping_pong
    for r in range(begin, end):
        left = cell_of(keys[runs.last[r]])
        if max(second - second_of(keys[runs.first[r]]), second_of(keys[runs.last[r]]) - second) > soon:
            return False
        if farther(cells, left, cell, max(cells.reach[left], cells.reach[cell])):
            return False
    return True
