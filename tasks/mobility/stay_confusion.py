"""The confusion matrix of stays: where stays of persons are counted who are truly in a zone. Public facts only.

A stay's zone is decided by all its cells (stay_zones.py). The model is a stay of two cells that serve the same tile,
drawn apart from each other and with as many events each. So one cell may be drawn twice.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tasks.mobility.confusion import ConfusionShares
from tasks.mobility.coverage import Chunk, Coverage
from tasks.mobility.day import NO_ZONE, Evidence, Int32
from tasks.mobility.radio import MODELS, RadioModel

Reals = NDArray[np.float64]
Ints = NDArray[np.intp]
_TILES = 128
"""Of a zone; more change no share by more than 0.03, and a column by 0.01."""
_RARE = 1e-4
"""Cells that serve a smaller part of a zone are left out."""


def stay_confusion(coverage: Coverage, evidence: Evidence, models: Sequence[RadioModel] = MODELS) -> ConfusionShares:
    """Spread each zone's stays evenly over its covered area; those of an uncovered zone are counted outside."""
    zone_of, zones, columns = coverage.plans.cells.zone, len(coverage.plans.zones.zone_ids), []
    for zone, chunks in groupby(coverage.chunks(_TILES), lambda chunk: chunk.zone):
        cells, together = _pairs(list(chunks), models)
        counted = _counted(cells, zone_of, evidence, zones)
        dense = np.stack([np.bincount(counted.ravel(), pairs.ravel(), zones + 1) for pairs in together])
        dense[dense.sum(axis=1) == 0, zones] = 1
        columns.append(ConfusionShares.of_zone(zone, dense / dense.sum(axis=1, keepdims=True)))
    return ConfusionShares.of(columns)


def _pairs(chunks: Sequence[Chunk], models: Sequence[RadioModel]) -> tuple[Ints, Sequence[Reals]]:
    """The cells that serve a zone, and by model [cell, cell] how many of its tiles each pair serves."""
    cells = np.unique(np.concatenate([ids.ravel() for each in chunks for ids in (each.cells, each.footprint_cells)]))
    served = [np.concatenate([_of_tiles(chunk, model, cells) for chunk in chunks]) for model in models]
    parts = np.stack([tiles.sum(axis=0) for tiles in served])
    kept = np.flatnonzero((parts > _RARE * parts.sum(axis=1, keepdims=True)).any(axis=0))
    return cells[kept], [tiles[:, kept].T @ tiles[:, kept] for tiles in served]


def _of_tiles(chunk: Chunk, model: RadioModel, cells: Ints) -> Reals:
    """[tile, cell] p(cell | tile) of a chunk."""
    radio, footprint = chunk.shares(model)
    served = np.zeros((len(chunk.centres), len(cells)))
    np.put_along_axis(served, np.searchsorted(cells, chunk.cells), radio, axis=1)
    served[:, np.searchsorted(cells, chunk.footprint_cells)] += footprint
    return served


def _counted(cells: Ints, zone_of: Int32, evidence: Evidence, zones: int) -> Ints:
    """[cell, cell] the zone for which both speak most, ties to the lowest; the number of zones if both are outside."""
    rows = [np.arange(evidence.start[cell], evidence.start[cell + 1]) for cell in cells]
    heard = np.unique(np.concatenate([evidence.zone[row] for row in rows] + [np.empty(0, np.int32)]))
    weights = np.zeros((len(cells), max(len(heard), 1)))
    for weight, row in zip(weights, rows, strict=True):
        weight[np.searchsorted(heard, evidence.zone[row])] = evidence.weight[row]
    best = np.array([np.argmax(weights + weight, axis=1) for weight in weights], np.intp).reshape(
        len(cells), len(cells)
    )
    outside = zone_of[cells] == NO_ZONE
    found: Ints = np.where(outside[:, None] & outside, zones, np.append(heard, zones)[best])
    return found
