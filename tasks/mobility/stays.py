"""Stays: where subscribers remained, from when to when. Compiled. Twins: tests/reference.py.

A run holds the events of one zone, over gaps up to a limit. A run shorter than the minimum dwell is a move. Two runs of
a zone with only moves to neighbouring cells between them are one (ping-pong). Every other run is a stay.
"""

from typing import NamedTuple

import numpy as np

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import CellArrays, Int32, Int64, WalkRules
from tasks.mobility.distance import farther
from tasks.mobility.key_fields import cell_of, second_of
from tasks.mobility.silence import held_after, held_before, held_to_midnight, longest_gap


class Runs(NamedTuple):
    """Runs in order of (subscriber, first): zone (-1 outside), seconds of first and last event, cell of the last."""

    subscriber: Int32
    zone: Int32
    first: Int32
    last: Int32
    cell: Int32


class Stays(NamedTuple):
    """Stays in order of (subscriber, start): zone (-1 outside), and seconds of start, end and first event."""

    subscriber: Int32
    zone: Int32
    start: Int32
    end: Int32
    first: Int32


def find_stays(keys: Int64, cells: CellArrays, rules: WalkRules) -> Stays:
    """The stays of the subscribers of cleaned, sorted keys."""
    # A run a key would fit; memory that no run is written to is never mapped.
    runs = Runs(*np.empty((len(Runs._fields), len(keys)), np.int32))
    number = fill_runs(keys, cells, rules, runs)
    stays = Stays(*np.empty((len(Stays._fields), number), np.int32))
    kept = fill_stays(runs, number, rules, stays)
    return Stays(*(column[:kept] for column in stays))


@kernel
def continues(earlier: int, later: int, zone: Int32, rules: WalkRules) -> bool:
    """Whether the later of two keys is in the run of the earlier one."""
    begin, end = second_of(earlier), second_of(later)
    return (
        earlier >> SUBSCRIBER_SHIFT == later >> SUBSCRIBER_SHIFT
        and zone[cell_of(earlier)] == zone[cell_of(later)]
        and end - begin <= longest_gap(begin, end, rules)
    )


@kernel
def fill_runs(keys: Int64, cells: CellArrays, rules: WalkRules, runs: Runs) -> int:
    """Fill the runs, joined over ping-pong; returns their number."""
    number, start = 0, 0
    for i in range(len(keys)):
        subscriber = keys[i] >> SUBSCRIBER_SHIFT
        if i == 0 or keys[i - 1] >> SUBSCRIBER_SHIFT != subscriber:
            start = number
        if i == 0 or not continues(keys[i - 1], keys[i], cells.zone, rules):
            returns = returns_to(runs, start, number, keys[i], cells, rules)
            if returns < 0:
                returns = number
                runs.subscriber[number] = subscriber
                runs.zone[number] = cells.zone[cell_of(keys[i])]
                runs.first[number] = second_of(keys[i])
            number = returns + 1
        runs.last[number - 1] = second_of(keys[i])
        runs.cell[number - 1] = cell_of(keys[i])
    return number


@kernel
def returns_to(runs: Runs, start: int, stop: int, key: int, cells: CellArrays, rules: WalkRules) -> int:
    """The subscriber's run that a key continues after moves to neighbouring cells, or -1."""
    for r in range(stop - 1, start - 1, -1):
        if second_of(key) - runs.last[r] > rules.stay.max_ping_pong:
            return -1
        if runs.zone[r] == cells.zone[cell_of(key)]:
            return r
        if runs.last[r] - runs.first[r] >= rules.stay.min_dwell:
            return -1
        if farther(cells, runs.cell[r], cell_of(key), rules.stay.neighbour_m):
            return -1
    return -1


@kernel
def fill_stays(runs: Runs, number: int, rules: WalkRules, stays: Stays) -> int:
    """Fill the stays; returns their number. Each holds for half of the gap to the runs beside it, up to a limit."""
    kept = 0
    for r in range(number):
        first, last = runs.first[r], runs.last[r]
        if last - first < rules.stay.min_dwell:
            continue
        if r > 0 and runs.subscriber[r - 1] == runs.subscriber[r]:
            before = held_before(runs.last[r - 1], first, rules)
        else:
            before = held_to_midnight(0, first, rules)
        if r + 1 < number and runs.subscriber[r + 1] == runs.subscriber[r]:
            after = held_after(last, runs.first[r + 1], rules)
        else:
            after = held_to_midnight(last, rules.day_seconds, rules)
        stays.subscriber[kept] = runs.subscriber[r]
        stays.zone[kept] = runs.zone[r]
        stays.start[kept] = first - before
        stays.end[kept] = last + after
        stays.first[kept] = first
        kept += 1
    return kept
