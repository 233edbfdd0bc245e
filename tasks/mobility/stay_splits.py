"""Runs of one zone that hold stays at several places, split where all cells change. Compiled. Twin: tests/reference.py.

A phone that rests comes back to its cells. So where none of the cells before a moment is used after it, and both sides
last the minimum dwell, the phone has moved. The zone of each side is then decided by its own cells (stay_zones.py).
"""

import numpy as np

from tasks.events.jit import kernel
from tasks.mobility.day import CellArrays, Int32, Int64, WalkRules
from tasks.mobility.key_fields import cell_of, second_of
from tasks.mobility.stay_zones import Runs


def split_runs(keys: Int64, runs: Runs, cells: CellArrays, rules: WalkRules) -> tuple[Runs, int]:
    """The runs split, in order, and their number; the arrays have a place for each key."""
    parts = Runs(*np.empty((len(Runs._fields), len(keys)), np.int32))
    number = fill_parts(keys, runs, np.empty(len(cells.zone), np.int32), rules.stay.min_dwell, parts)
    return parts, number


@kernel
def fill_parts(keys: Int64, runs: Runs, last_of: Int32, min_dwell: int, parts: Runs) -> int:
    """Fill the parts of all runs; `last_of`: by cell, space for the number of its last key in a run."""
    number = 0
    for r in range(len(runs.first)):
        begin, last = runs.first[r], runs.last[r]
        if cell_of(keys[begin]) != cell_of(keys[last]):  # most runs end in the cell in which they began
            for i in range(begin, last + 1):
                last_of[cell_of(keys[i])] = i
            i, used_until = begin, begin
            while i < last and used_until < last:
                used_until = max(used_until, last_of[cell_of(keys[i])])
                if used_until == i and lasts(keys, begin, i, min_dwell) and lasts(keys, i + 1, last, min_dwell):
                    parts.first[number], parts.last[number] = begin, i
                    number += 1
                    begin = i + 1
                i += 1
        parts.first[number], parts.last[number] = begin, last
        number += 1
    return number


@kernel
def lasts(keys: Int64, first: int, last: int, least: int) -> bool:
    """Whether keys of one subscriber, from the first to the last, last so long."""
    return bool(second_of(keys[last]) - second_of(keys[first]) >= least)
