"""Versions of cells: in order, repeated rows once, and none that contradicts another."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import RejectedInput, shown

Bools = NDArray[np.bool_]
_NAMED = 5
_CORRECT = "Correct these rows of the cell plan and land it again."


@dataclass(frozen=True)
class Topology:
    """Every version of every cell, sorted by (cell_id, valid_from); epochs in seconds, open ends infinite.

    A version ends at the latest where the next one of the same id begins.
    """

    source: str
    cell_id: NDArray[np.object_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    valid_from: NDArray[np.float64]
    valid_to: NDArray[np.float64]

    def take(self, rows: NDArray[np.integer]) -> "Topology":
        """The given rows, in the given order."""
        return Topology(self.source, *(getattr(self, column.name)[rows] for column in fields(self)[1:]))


def in_order(landed: Topology) -> Topology:
    """Sort rows as landed, count a repeated row once, and end each version where the next begins.

    Raises RejectedInput naming cell and rows (from 1, without the header) of versions that contradict each other.
    """
    order = np.lexsort((landed.valid_to, landed.longitude, landed.latitude, landed.valid_from, landed.cell_id))
    cells = landed.take(order)
    repeats = np.flatnonzero(_same(cells) & ~_moved(cells) & _equal(cells.valid_from) & _equal(cells.valid_to))
    cells, rows = cells.take(np.delete(np.arange(len(order)), repeats + 1)), np.delete(order, repeats + 1) + 1
    _check(cells, rows)
    same = _same(cells)
    cells.valid_to[:-1][same] = np.minimum(cells.valid_to[:-1], cells.valid_from[1:])[same]
    return cells


def _check(cells: Topology, rows: NDArray[np.integer]) -> None:
    backwards = np.flatnonzero(cells.valid_to < cells.valid_from)
    if len(backwards):
        named = (f"{shown(cells.cell_id[n])} in row {rows[n]}" for n in backwards)
        raise RejectedInput(
            f"{cells.source}: versions end before they begin: {_first(named)}.", _CORRECT, "cells.backward_validity"
        )
    pairs = np.flatnonzero(_contradicts_next(cells))
    if len(pairs):
        twice = ((n, *sorted(rows[n : n + 2])) for n in pairs)
        named = (f"{shown(cells.cell_id[n])} in rows {a} and {b}" for n, a, b in twice)
        raise RejectedInput(
            f"{cells.source}: versions of one cell contradict each other: {_first(named)}.",
            _CORRECT,
            "cells.contradictory_versions",
        )


def _contradicts_next(cells: Topology) -> Bools:
    """Two versions start together, or one with its own end overlaps the next, which moves or ends earlier.

    An end that both share is a sign for "open", and snapshots of one place that overlap say the same.
    """
    end, following = cells.valid_to[:-1], cells.valid_to[1:]
    runs_on = np.isfinite(end) & (end > cells.valid_from[1:]) & (end != following)
    found: Bools = _same(cells) & (_equal(cells.valid_from) | runs_on & (_moved(cells) | (end > following)))
    return found


def _same(cells: Topology) -> Bools:
    return _equal(cells.cell_id)


def _moved(cells: Topology) -> Bools:
    return ~(_equal(cells.latitude) & _equal(cells.longitude))


def _equal(column: NDArray[Any]) -> Bools:
    """Whether each row holds what the next one holds."""
    return np.asarray(column[1:] == column[:-1], bool)


def _first(named: Iterator[str]) -> str:
    first = ", ".join(islice(named, _NAMED))
    return first + (f" and {rest} more" if (rest := sum(1 for _ in named)) else "")
