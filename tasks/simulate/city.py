"""The city: zones with a use, in contiguous districts, on a ground of squares small enough to stand for a place."""

from dataclasses import dataclass

import numpy as np
import shapely

from tasks.simulate.plan import Floats, Ints, SimulationPlan
from tasks.simulate.tiling import Tiling, tile

AREA_TYPES = ("residential", "office", "shopping", "arena", "hospital", "industrial", "park")
RESIDENTIAL, OFFICE, SHOPPING, ARENA, HOSPITAL, INDUSTRIAL, PARK = range(len(AREA_TYPES))
LIVE = np.array([1.0, 0.35, 0.4, 0.25, 0.15, 0.15, 0.1])
WORK = np.array([0.2, 3.0, 1.3, 0.4, 1.5, 1.8, 0.05])
SHOP = np.array([0.25, 0.6, 4.0, 0.3, 0.1, 0.1, 0.8])
VISIT = np.array([0.3, 0.2, 1.5, 0.2, 0.1, 0.1, 3.0])
"""How much a zone draws, by area type: to live, to work, to shop or go out, for a trip at weekends."""

SQUARE_M = 150.0
OUTSIDE = -1


@dataclass(frozen=True)
class City:
    """Zones by number; the ground is a grid of `side` x `side` squares, a place is the number of its square."""

    tiling: Tiling
    district: Ints
    area_type: Ints
    weight: Floats
    """[zone] how dense a zone is beside others of its type."""
    side: int
    square_zone: Ints
    """[square] the zone that holds the square's centre, -1 outside the city."""

    @property
    def zone_ids(self) -> list[str]:
        """Zone ids by number; their order as text is the order of the numbers."""
        return [f"Z{n + 1:04d}" for n in range(len(self.district))]

    @property
    def district_ids(self) -> list[str]:
        """District ids by number."""
        return [f"D{n + 1:03d}" for n in range(int(self.district.max()) + 1)]

    def metres(self, squares: Ints) -> Floats:
        """[.., x and y] centres of squares in metres from the city's centre."""
        column_row = np.stack([squares % self.side, squares // self.side], axis=-1)
        return np.asarray((column_row + 0.5 - self.side / 2) * SQUARE_M, np.float64)

    def square_at(self, metres: Floats) -> Ints:
        """The square that holds each point; the nearest one beyond the ground's edge."""
        column, row = np.moveaxis(np.clip(metres / SQUARE_M + self.side / 2, 0, self.side - 1).astype(np.int32), -1, 0)
        return np.asarray(row * self.side + column, np.int32)

    def drawn_to(self, pull: Floats, size: int, rng: np.random.Generator) -> Ints:
        """Draw squares of the city, weighted by the attraction of their zone's area type."""
        inside = np.flatnonzero(self.square_zone != OUTSIDE)
        zone = self.square_zone[inside]
        squares = np.bincount(zone, minlength=len(self.weight))
        share = np.cumsum((pull[self.area_type] * self.weight / squares)[zone])
        return np.asarray(inside[np.searchsorted(share, rng.random(size) * share[-1])], np.int32)


def build_city(plan: SimulationPlan) -> City:
    """The city of a plan: a function of seed and number of zones alone."""
    rng = plan.rng("city")
    tiling = tile(plan.zones, rng)
    reach = max(1.25 * float(np.abs(tiling.rings).max()), 13_000.0)
    side = 2 * int(np.ceil(reach / SQUARE_M))
    grid = (np.arange(side) + 0.5 - side / 2) * SQUARE_M
    centres = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    return City(
        tiling,
        district=_districts(tiling),
        area_type=_area_types(plan.zones, rng),
        weight=rng.lognormal(0, 0.2, plan.zones),
        side=side,
        square_zone=zones_at(tiling, centres),
    )


def zones_at(tiling: Tiling, points: Floats) -> Ints:
    """The zone around each point [point, x and y], -1 outside."""
    zone = np.full(len(points), OUTSIDE, np.int32)
    point, around = shapely.STRtree(shapely.polygons(tiling.rings)).query(shapely.points(points), predicate="within")
    zone[point] = around
    return zone


def _districts(tiling: Tiling) -> Ints:
    """Grow districts of about nine zones from seeds far apart, the smallest first: contiguous by construction."""
    centres, count = tiling.centres, max(2, round(len(tiling.centres) / 9))
    seeds = [0]
    while len(seeds) < count:
        gaps = np.min(np.linalg.norm(centres[:, None] - centres[seeds], axis=2), axis=1)
        seeds.append(int(np.argmax(gaps)))
    district = np.full(len(centres), -1, np.int32)
    district[seeds] = np.arange(count)
    while (district < 0).any():
        free = (tiling.neighbours & (district < 0)[:, None]).any(axis=0) & (district >= 0)
        growing = np.unique(district[free])
        smallest = growing[np.argmin(np.bincount(district[district >= 0], minlength=count)[growing])]
        border = np.flatnonzero((district < 0) & tiling.neighbours[district == smallest].any(axis=0))
        gaps = np.linalg.norm(centres[border] - centres[seeds[smallest]], axis=1)
        district[border[np.argmin(gaps)]] = smallest
    return district


def _area_types(zones: int, rng: np.random.Generator) -> Ints:
    """Shops and offices downtown, homes around, works and parks outside; one arena and one hospital."""
    outward = np.arange(zones) / zones
    chances = np.where(
        (outward < 0.14)[:, None],
        [0.15, 0.5, 0.35, 0, 0, 0, 0],
        np.where((outward < 0.5)[:, None], [0.78, 0.1, 0.08, 0, 0, 0, 0.04], [0.8, 0.01, 0.06, 0, 0, 0.08, 0.05]),
    )
    drawn = np.asarray(np.sum(rng.random(zones)[:, None] > np.cumsum(chances, axis=1), axis=1), np.int32)
    fixed = {0: SHOPPING, 1: OFFICE, int(0.3 * zones): HOSPITAL, int(0.45 * zones): ARENA, zones // 2: RESIDENTIAL}
    drawn[list(fixed)] = list(fixed.values())
    return drawn
