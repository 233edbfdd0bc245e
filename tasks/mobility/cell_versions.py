"""Versions of cells: in order, repeated rows once, and none that contradicts another."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import shown
from tasks.events.plan_rules import BACKWARD_VALIDITY, CONTRADICTORY_VERSIONS, PlanChecks

Bools = NDArray[np.bool_]


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
    radio: NDArray[np.float64]
    """[version, attribute] in the order of `cell_attributes.RADIO`; NaN where the plan says nothing."""

    def take(self, rows: NDArray[np.integer]) -> "Topology":
        """The given rows, in the given order."""
        return Topology(self.source, *(getattr(self, column.name)[rows] for column in fields(self)[1:]))


def in_order(landed: Topology, checks: PlanChecks) -> Topology:
    """Sort rows as landed, take a repeated row once, and end each version where the next begins.

    Versions that contradict each other are counted, named by cell and rows (from 1, without the header).
    """
    order = np.lexsort((landed.valid_to, landed.longitude, landed.latitude, landed.valid_from, landed.cell_id))
    cells = landed.take(order)
    repeats = np.flatnonzero(_same(cells) & ~_moved(cells) & _equal(cells.valid_from) & _equal(cells.valid_to))
    cells, rows = cells.take(np.delete(np.arange(len(order)), repeats + 1)), np.delete(order, repeats + 1) + 1

    def name(n: int) -> str:
        return f"{shown(cells.cell_id[n])} in row {rows[n]}"

    def pair(n: int) -> str:
        return f"{shown(cells.cell_id[n])} in rows {min(rows[n : n + 2])} and {max(rows[n : n + 2])}"

    backward, contradictory = (
        np.flatnonzero(cells.valid_to < cells.valid_from),
        np.flatnonzero(_contradicts_next(cells)),
    )
    checks.count(BACKWARD_VALIDITY, cells.source, backward, len(rows), name)
    checks.count(CONTRADICTORY_VERSIONS, cells.source, contradictory, len(rows), pair)
    same = _same(cells)
    cells.valid_to[:-1][same] = np.minimum(cells.valid_to[:-1], cells.valid_from[1:])[same]
    return cells


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
