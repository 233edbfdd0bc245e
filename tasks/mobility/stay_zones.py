"""The zones of stays, from the evidence of all their cells. Compiled. Twins: tests/reference.py.

Each cell speaks for zones by its weights of evidence, times its votes. A phone that rests keeps its cell, however many
events it has: so a stay's usual cell has one vote. Another cell has as many as its events have binary digits.

Two stays of a day are in one place if at least half of the cells of the one with fewer are cells of both; more than
half if one follows the other, as a common cell may hear both places. A stay's place has the votes of all of them. It is
outside all zones if cells outside have more than half of the votes.
"""

from typing import NamedTuple

import numpy as np

from tasks.events.jit import kernel
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.day import NO_ZONE, CellArrays, Int32, Int64
from tasks.mobility.key_fields import cell_of
from tasks.mobility.zone_sums import add, dominant_zone


class Runs(NamedTuple):
    """Runs of keys in order: the numbers of the first and the last one."""

    first: Int32
    last: Int32


class StayCells(NamedTuple):
    """The different cells of stays and the votes of each: those of stay r are in the rows start[r] to start[r + 1]."""

    start: Int32
    cell: Int32
    votes: Int32


class PlaceBuffers(NamedTuple):
    """Space for one place."""

    seen: Int32
    """By cell: the last stay that was asked about and has it, or -1."""
    votes: Int32
    """By cell, 0 between two places."""
    cells: Int32
    """The place's cells."""
    weight: Int32
    """By zone, 0 between two places."""
    touched: Int32
    """The zones with a weight."""


def stay_zones(keys: Int64, stays: Runs, cells: CellArrays) -> Int32:
    """[stay] zones, -1 outside; `stays` are runs of the sorted keys."""
    plan, zones = len(cells.zone), int(cells.evidence.zone.max(initial=NO_ZONE)) + 1
    listed = StayCells(np.empty(len(stays.first) + 1, np.int32), *np.empty((2, len(keys)), np.int32))
    list_cells(keys, stays, np.full(plan, -1, np.int32), listed)
    buffers = PlaceBuffers(
        seen=np.full(plan, -1, np.int32),
        votes=np.zeros(plan, np.int32),
        cells=np.empty(plan, np.int32),
        weight=np.zeros(zones, np.int32),
        touched=np.empty(zones, np.int32),
    )
    found = np.empty(len(stays.first), np.int32)
    fill_zones(keys, stays, listed, cells, buffers, found)
    return found


@kernel
def list_cells(keys: Int64, stays: Runs, row: Int32, listed: StayCells) -> None:
    """List the cells of all stays; `row`: by cell, -1."""
    number = 0
    for r in range(len(stays.first)):
        listed.start[r] = number
        for i in range(stays.first[r], stays.last[r] + 1):
            cell = cell_of(keys[i])
            if row[cell] < listed.start[r]:
                row[cell] = number
                listed.cell[number], listed.votes[number] = cell, 0
                number += 1
            listed.votes[row[cell]] += 1
        count_votes(listed.votes[listed.start[r] : number])
    listed.start[len(stays.first)] = number


@kernel
def count_votes(of: Int32) -> None:
    """Votes of a stay's cells in place of their events; the usual cell is the first of those with most events."""
    usual = 0
    for n in range(len(of)):
        if of[n] > of[usual]:
            usual = n
    for n in range(len(of)):
        of[n] = 1 if n == usual else binary_digits(of[n])


@kernel
def fill_zones(
    keys: Int64, stays: Runs, listed: StayCells, cells: CellArrays, buffers: PlaceBuffers, found: Int32
) -> None:
    """Fill the zones of all stays."""
    begin = 0
    while begin < len(found):
        end = begin + 1
        subscriber = keys[stays.first[begin]] >> SUBSCRIBER_SHIFT
        while end < len(found) and keys[stays.first[end]] >> SUBSCRIBER_SHIFT == subscriber:
            end += 1
        for r in range(begin, end):
            found[r] = zone_of_place(gather(r, begin, end, listed, buffers), cells, buffers)
        begin = end


@kernel
def gather(r: int, begin: int, end: int, listed: StayCells, buffers: PlaceBuffers) -> int:
    """Add up the votes of the place of stay `r` of those from `begin` to `end`; returns the number of its cells."""
    for n in range(listed.start[r], listed.start[r + 1]):
        buffers.seen[listed.cell[n]] = r
    number = 0
    for other in range(begin, end):
        if not in_one_place(r, other, listed, buffers):
            continue
        for n in range(listed.start[other], listed.start[other + 1]):
            cell = listed.cell[n]
            if buffers.votes[cell] == 0:
                buffers.cells[number] = cell
                number += 1
            buffers.votes[cell] += listed.votes[n]
    return number


@kernel
def in_one_place(r: int, other: int, listed: StayCells, buffers: PlaceBuffers) -> bool:
    """Whether another stay is in the place of stay `r`, whose cells were seen."""
    common = 0
    for n in range(listed.start[other], listed.start[other + 1]):
        common += buffers.seen[listed.cell[n]] == r
    fewer = min(listed.start[r + 1] - listed.start[r], listed.start[other + 1] - listed.start[other])
    in_a_row = abs(other - r) == 1
    return bool(2 * common >= fewer + in_a_row)


@kernel
def zone_of_place(number: int, cells: CellArrays, buffers: PlaceBuffers) -> int:
    """The zone with most evidence from the place's cells, or -1 outside; clears the place."""
    evidence, zones, outside, total = cells.evidence, 0, 0, 0
    for n in range(number):
        cell = buffers.cells[n]
        votes = buffers.votes[cell]
        buffers.votes[cell] = 0
        total += votes
        if cells.zone[cell] == NO_ZONE:
            outside += votes
        for e in range(evidence.start[cell], evidence.start[cell + 1]):
            zones = add(buffers.weight, buffers.touched, zones, evidence.zone[e], votes * evidence.weight[e])
    best = dominant_zone(buffers.weight, buffers.touched, zones)
    return NO_ZONE if 2 * outside > total else best


@kernel
def binary_digits(number: int) -> int:
    """How many binary digits a number has."""
    digits = 0
    while number > 0:
        number >>= 1
        digits += 1
    return digits
