"""What an engineer should know of a day's coverage: a row for each zone, and zones that cannot be distinguished."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.mobility.confusion import Confusion
from tasks.mobility.day import NO_ZONE
from tasks.mobility.plans import Plans

MAIN = 3
"""How many confusions of a zone are named."""
LEAST_SHARE = 0.01
CLEAR = 0.8
"""In two cities where a zone counts less of its persons, people were less exact: docs/explanation/people.md."""
OUTSIDE_NAME = "outside"

Reals = NDArray[np.float64]
Shares = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ZoneCoverage:
    """One zone. `counted_here` is of persons truly in it, `truly_here` of persons counted in it: None without any.

    Nor is there one of a zone without residents, if persons are spread by residents: nobody is expected there.
    """

    zone_id: str
    name: str
    covered: float
    cells: int
    counted_here: float
    truly_here: float | None
    counted_in: Shares
    """Where else its persons are counted, the largest shares first."""
    residents: bool
    """Whether the census counts anybody in it; True without a census."""


@dataclass(frozen=True)
class CoverageReport:
    """All zones by id, uncovered ones, and pairs that cannot be distinguished, with the cosine of their columns."""

    zones: tuple[ZoneCoverage, ...]
    uncovered: tuple[str, ...]
    without_cell: tuple[str, ...]
    """Covered zones without a cell of their own: no person is ever counted in them."""
    unclear: tuple[str, ...]
    """Covered zones that count less than CLEAR of their persons."""
    alike: tuple[tuple[str, str, float], ...]
    weighted_by: str
    unstated: tuple[str, ...]
    """Attributes of antennas that no cell states."""


def coverage_report(plans: Plans, found: Confusion, residents: Reals | None, areas: Reals) -> CoverageReport:
    """The report; persons are spread over zones by residents, or else by area."""
    ids, matrix = plans.zones.zone_ids, found.matrix()
    weights = (areas if residents is None else residents) * found.covered
    inside = plans.cells.zone[plans.cells.zone != NO_ZONE]
    cells = np.bincount(inside, minlength=len(ids))
    counted = matrix[:-1] @ weights
    here = np.diagonal(matrix)
    lived = np.ones(len(ids), bool) if residents is None else residents > 0
    right = [
        float(own * w / all_) if all_ > 0 and live else None
        for own, w, all_, live in zip(here, weights, counted, lived, strict=True)
    ]
    rows = tuple(
        ZoneCoverage(
            zone, name, float(part), int(count), float(own), true, _elsewhere(matrix[:, n], n, ids), bool(live)
        )
        for n, (zone, name, part, count, own, true, live) in enumerate(
            zip(ids, plans.zones.names, found.covered, cells, here, right, lived, strict=True)
        )
    )
    pairs = tuple((ids[a], ids[b], cosine) for a, b, cosine in found.pairs_alike())
    uncovered = tuple(row.zone_id for row in rows if not row.covered)
    without_cell = tuple(row.zone_id for row in rows if row.covered and not row.cells)
    unclear = tuple(row.zone_id for row in rows if row.covered and row.counted_here < CLEAR)
    weighted_by = "area" if residents is None else "residents"
    return CoverageReport(rows, uncovered, without_cell, unclear, pairs, weighted_by, plans.unstated)


def _elsewhere(column: Reals, zone: int, ids: tuple[str, ...]) -> Shares:
    others = [n for n in np.argsort(-column, kind="stable")[: MAIN + 1].tolist() if n != zone]
    names = (*ids, OUTSIDE_NAME)
    return tuple((names[n], float(column[n])) for n in others[:MAIN] if column[n] >= LEAST_SHARE)
