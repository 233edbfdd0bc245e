"""How strongly an event in a cell speaks for each zone, from public plans alone.

A cell's weight of evidence for a zone is the logarithm of the part of the cell's served area that lies in the zone
(I. J. Good, Probability and the Weighing of Evidence, 1950). It is counted from a least part that speaks for no zone.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.mobility.day import NO_ZONE, Evidence, Int32
from tasks.mobility.plans import Plans

LEAST_PART = 0.01
"""Of the zone of which a cell serves most; a zone with less gets no evidence from it."""
NAT = 64
"""Weights are integers, so that sums are exact."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


class ServedAreas(NamedTuple):
    """How much each cell serves of each zone, in square metres; pairs with nothing may be left out."""

    cell: Ints
    zone: Ints
    area: NDArray[np.float64]


NO_AREAS = ServedAreas(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))


def evidence(zone: Int32, served: ServedAreas = NO_AREAS, by_own_cells: Bools | None = None) -> Evidence:
    """The evidence of cells, by the zone of each; it is for zones with a cell of their own.

    Cells outside all zones speak for none. A cell without a served area speaks for its own zone.
    `by_own_cells`: zones for which no cells but their own speak.
    """
    cells, zones = len(zone), int(max(zone.max(initial=NO_ZONE), served.zone.max(initial=NO_ZONE))) + 1
    alone = np.zeros(zones, bool) if by_own_cells is None else by_own_cells
    own = zone[served.cell] == served.zone
    fit = (zone[served.cell] != NO_ZONE) & (own | (np.isin(served.zone, zone) & ~alone[served.zone]))
    cell, place, area = (column[fit] for column in served)
    most = np.zeros(cells)
    np.maximum.at(most, cell, area)
    silent = np.flatnonzero((most == 0) & (zone != NO_ZONE))
    with np.errstate(divide="ignore"):
        weight = np.rint(NAT * np.log(area / np.where(most > 0, most, 1)[cell] / LEAST_PART))
    heavy = weight > 0
    cell, place = np.append(cell[heavy], silent), np.append(place[heavy], zone[silent])
    weight = np.append(weight[heavy], np.full(len(silent), np.rint(-NAT * np.log(LEAST_PART))))
    order = np.lexsort((place, cell))
    start = np.searchsorted(cell[order], np.arange(cells + 1))
    return Evidence(*(column.astype(np.int32) for column in (start, place[order], weight[order])))


def plan_evidence(plans: Plans, served: ServedAreas) -> Evidence:
    """The evidence of a day's cells. For a zone that took a sensitive one whose cells count nowhere, its own speak."""
    took = [plans.zones.merged[zone] for zone in plans.not_counted]
    return evidence(plans.cells.zone, served, np.isin(plans.zones.zone_ids, took))


def evidence_table(found: Evidence) -> pa.Table:
    """As stored: cell (rank in the cell plan), zone (number in the zone plan), weight."""
    cell = np.repeat(np.arange(len(found.start) - 1, dtype=np.int32), np.diff(found.start))
    return pa.table({"cell": cell, "zone": found.zone, "weight": found.weight})


def stored_evidence(table: pa.Table, cells: int) -> Evidence:
    """The evidence of a stored table; `cells`: how many the plan has."""
    # Copies: Arrow's own cannot be written, and kernels would be compiled anew for them (6 CPU-seconds).
    cell, zone, weight = (table[name].to_numpy().astype(np.int32) for name in ("cell", "zone", "weight"))
    return Evidence(np.searchsorted(cell, np.arange(cells + 1)).astype(np.int32), zone, weight)
