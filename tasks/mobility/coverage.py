"""Which cells serve each tile, and how often: p(cell | tile), by footprints where cells have them, else by radio."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.mobility.plans import Plans
from tasks.mobility.radio import Paths, RadioModel, antennas, paths, strengths
from tasks.mobility.tiles import MOST_OF_A_ZONE, plane_of, projected, zone_tiles

Reals = NDArray[np.float64]
Ints = NDArray[np.intp]

CELLS_HEARD = 48
"""The nearest cells of a tile are enough: farther ones are far weaker."""
CHUNK = 512
"""Tiles at once."""


@dataclass(frozen=True)
class Chunk:
    """Some tiles of one zone, and the cells that may serve them."""

    zone: int
    centres: Reals
    side: float
    cells: Ints
    """[tile, candidate] cell versions that radio decides on."""
    path: Paths
    footprint_cells: Ints
    footprint: Reals
    """What the zone's footprints give to each of `footprint_cells`; their sum is at most 1."""

    def shares(self, model: RadioModel) -> tuple[Reals, Reals]:
        """p(cell | tile): [tile, candidate] by radio, [tile, footprint cell]; both 0 in a tile that none covers."""
        radio = strengths(self.path, model)
        total, given = radio.sum(axis=1, keepdims=True), self.footprint.sum()
        rest = np.where(total > 0, 1 - given, 0.0)
        by_radio = radio * np.divide(rest, total, out=np.zeros_like(total), where=total > 0)
        scale = np.where(total > 0, 1.0, 1 / given if given else 0.0)
        return by_radio, scale * self.footprint


@dataclass(frozen=True)
class Coverage:
    """The coverage of a day's plans; read chunk by chunk, as a national plan has tens of millions of pairs."""

    plans: Plans

    def chunks(self, most: int = MOST_OF_A_ZONE) -> Iterator[Chunk]:
        """Tiles zone by zone: all, or every n-th where a zone has more than `most`."""
        zones = self.plans.zones.geometries
        plane = plane_of(zones)
        found, free = antennas(self.plans.cells, plane), self._by_radio
        for zone, shape in enumerate(projected(zones, plane)):
            tiles = zone_tiles(shape, len(zones))
            cells, weights = self.plans.footprints.of_zone(zone)
            centres = tiles.centres[:: -(-len(tiles.centres) // most)]
            for start in range(0, len(centres), CHUNK):
                some = centres[start : start + CHUNK]
                near = free[_nearest(found.place[free], some)]
                yield Chunk(zone, some, tiles.side, near, paths(some, found.take(near)), cells, weights)

    @cached_property
    def _by_radio(self) -> Ints:
        """Cell versions without a footprint."""
        return np.setdiff1d(np.arange(len(self.plans.cells.cell_id)), self.plans.footprints.cell)


def _nearest(places: Reals, tiles: Reals) -> Ints:
    """[tile, up to CELLS_HEARD] the nearest places of each tile, by number.

    No one of them is farther from the tiles' middle than its own last one by more than the tiles' diameter.
    """
    count = min(CELLS_HEARD, len(places))
    middle = (tiles.min(axis=0) + tiles.max(axis=0)) / 2
    reach = np.hypot(*(tiles - middle).T).max()
    far = np.hypot(*(places - middle).T)
    within = np.partition(far, count - 1)[count - 1] + 2 * reach if count else 0.0
    candidates = np.flatnonzero(far <= within * (1 + 1e-9))
    east, north = (tiles[:, None, axis] - places[candidates, axis] for axis in (0, 1))
    apart = east * east + north * north
    nearest = np.argpartition(apart, count - 1, axis=1)[:, :count] if count < len(candidates) else None
    if nearest is None:
        return np.broadcast_to(candidates, (len(tiles), len(candidates)))
    found: Ints = candidates[np.sort(nearest, axis=1)]
    return found
