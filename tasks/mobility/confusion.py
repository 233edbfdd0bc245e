"""The confusion matrix of a day's plans: where persons are counted who are truly in a zone. Public facts only."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.mobility.coverage import Chunk, Coverage
from tasks.mobility.evidence import ServedAreas
from tasks.mobility.radio import MODELS, RadioModel
from tasks.mobility.zones import ZonePlan

Reals = NDArray[np.float64]
Ints = NDArray[np.intp]

OUTSIDE = ""
"""The assigned zone of persons whose cell lies outside every zone, or whose zone no cell covers."""
ALIKE = 0.95
"""Zones whose columns have at least this cosine cannot be distinguished."""
_LEAST = 1e-9
"""Smaller shares are not stored."""


@dataclass(frozen=True)
class ConfusionShares:
    """Non-zero shares of M by model, true zone, assigned zone: sorted; columns (true zones) sum to 1."""

    model: Ints
    assigned: Ints
    """The number of zones stands for outside."""
    true: Ints
    share: Reals
    zones: int

    @classmethod
    def of(cls, columns: Sequence["ConfusionShares"]) -> "ConfusionShares":
        """From the shares of each true zone."""
        names = ("model", "assigned", "true", "share")
        model, assigned, true, share = (np.concatenate([getattr(one, name) for one in columns]) for name in names)
        order = np.lexsort((assigned, true, model))
        return cls(model[order], assigned[order], true[order], share[order], len(columns))

    @classmethod
    def of_zone(cls, zone: int, dense: Reals) -> "ConfusionShares":
        """From [model, assigned zone] of one true zone."""
        model, assigned = np.nonzero(dense > _LEAST)
        return cls(model, assigned, np.full(len(model), zone), dense[model, assigned], 1)

    def matrix(self, model: int = 0) -> Reals:
        """[assigned zone, true zone] of a model; the last row is outside."""
        rows = self.model == model
        dense = np.zeros((self.zones + 1, self.zones))
        dense[self.assigned[rows], self.true[rows]] = self.share[rows]
        return dense

    def table(self, zones: ZonePlan) -> pa.Table:
        """As stored: model, assigned_zone (`""`: outside), true_zone, share."""
        ids = pa.array([*zones.zone_ids, OUTSIDE])
        return pa.table(
            {
                "model": pa.array(self.model, pa.int8()),
                "assigned_zone": ids.take(pa.array(self.assigned)),
                "true_zone": ids.take(pa.array(self.true)),
                "share": self.share,
            }
        )


@dataclass(frozen=True)
class Confusion(ConfusionShares):
    """Where events of persons in each zone are counted."""

    covered: Reals
    """[zone] the share of its area that some cell covers, by the first model."""
    served: ServedAreas
    """By the first model."""

    def pairs_alike(self) -> list[tuple[int, int, float]]:
        """Pairs of covered zones that cannot be distinguished, with the cosine of their columns by the first model."""
        first = self.matrix() * (self.covered > 0)
        columns = first / np.maximum(np.linalg.norm(first, axis=0), _LEAST)
        cosines = np.triu(columns.T @ columns, 1)
        return [(a, b, min(float(cosines[a, b]), 1.0)) for a, b in np.argwhere(cosines >= ALIKE).tolist()]


def confusion(coverage: Coverage, models: Sequence[RadioModel] = MODELS) -> Confusion:
    """Spread each zone's persons evenly over its covered area; an event's zone is that of its cell."""
    columns, covered, areas = [], [], []
    for zone, chunks in groupby(coverage.chunks(), lambda chunk: chunk.zone):
        shares, part, served = _columns(
            list(chunks), coverage.plans.cells.zone, len(coverage.plans.zones.zone_ids), models
        )
        columns.append(ConfusionShares.of_zone(zone, shares))
        covered.append(part)
        cell = np.flatnonzero(served)
        areas.append((cell, np.full(len(cell), zone), served[cell]))
    served_areas = ServedAreas(*(np.concatenate(each) for each in zip(*areas, strict=True)))
    return Confusion(**vars(ConfusionShares.of(columns)), covered=np.array(covered), served=served_areas)


def _columns(
    chunks: Sequence[Chunk], zone_of: NDArray[np.int32], zones: int, models: Sequence[RadioModel]
) -> tuple[Reals, float, Reals]:
    """[model, assigned zone] of one true zone, each sums to 1; the covered share; [cell] square metres served.

    Uncovered: all outside.
    """
    shares, covered, areas = np.zeros((len(models), zones + 1)), 0, np.zeros(len(zone_of))
    for chunk in chunks:
        for number, model in enumerate(models):
            cells, served, tiles = _by_cell(chunk, model)
            shares[number] += np.bincount(zone_of[cells] % (zones + 1), served, zones + 1)
            if number == 0:
                covered += tiles
                areas += np.bincount(cells, served * chunk.side**2, len(zone_of))
    shares[shares.sum(axis=1) == 0, zones] = 1
    return shares / shares.sum(axis=1, keepdims=True), covered / sum(len(chunk.centres) for chunk in chunks), areas


def _by_cell(chunk: Chunk, model: RadioModel) -> tuple[Ints, Reals, int]:
    """Cells, the sum of what each gets of the chunk's tiles, and the number of covered tiles."""
    radio, footprint = chunk.shares(model)
    covered = int(np.count_nonzero(radio.sum(axis=1) + footprint.sum(axis=1) > 0))
    cells = np.concatenate([chunk.cells.ravel(), chunk.footprint_cells])
    return cells, np.concatenate([radio.ravel(), footprint.sum(axis=0)]), covered
