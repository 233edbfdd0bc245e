"""The radio network: sites of three cells, more of them where people are; which cells serve a place, and how often."""

from dataclasses import dataclass

import numpy as np

from tasks.simulate.city import ARENA, LIVE, OUTSIDE, SQUARE_M, WORK, City, zones_at
from tasks.simulate.plan import Bools, Floats, Ints, SimulationPlan
from tasks.simulate.radio import SECTORS, WORLDS, serving_slots

SITES_PER_ZONE = 9
COUNTRY_M = 3000
RETIRED_SHARE = 0.01
MOVED_SHARE, MOVED_M = 0.005, 15.0


@dataclass(frozen=True)
class RadioNetwork:
    """Cells by number (rank of their id); the last `retired` ones were switched off before the first day."""

    cell_ids: list[str]
    metres: Floats
    """[cell, x and y] from the city's centre."""
    azimuth: Ints
    district: Ints
    """[cell] the district that holds the site, -1 outside the city."""
    moved: Bools
    """Cells that were rebuilt a few steps away, in the same zone, at noon of the middle day, under the same id."""
    retired: int
    serving: Ints
    """[square x SLOTS] the cells that serve a place, each in as many slots as it is likely."""
    far: Ints
    """[quadrant] a cell in the ground's opposite corner: nobody gets there within minutes."""

    @property
    def valid(self) -> int:
        """How many cells are on air."""
        return len(self.cell_ids) - self.retired


def build_network(plan: SimulationPlan, city: City) -> RadioNetwork:
    """The cells of a city: a function of seed, number of zones and radio world alone."""
    rng = plan.rng("network")
    sites = _sites(city, rng)
    turn = rng.integers(0, 120, len(sites), np.int32)
    cells = SECTORS * len(sites)
    retired = max(2, int(RETIRED_SHARE * cells))
    replaced = rng.choice(cells, retired, replace=False)
    metres = np.concatenate([np.repeat(sites, SECTORS, axis=0), np.repeat(sites, SECTORS, axis=0)[replaced]])
    azimuth = ((turn[:, None] + 120 * np.arange(SECTORS)) % 360).ravel().astype(np.int32)
    zone, on_air = zones_at(city.tiling, metres), np.arange(cells + retired) < cells
    return RadioNetwork(
        [_cell_id(n, cells) for n in range(cells + retired)],
        metres=metres,
        azimuth=np.concatenate([azimuth, azimuth[replaced]]),
        district=np.where(zone == OUTSIDE, OUTSIDE, city.district[zone]).astype(np.int32),
        moved=(zone == zones_at(city.tiling, metres + MOVED_M)) & (rng.random(len(zone)) < MOVED_SHARE) & on_air,
        retired=retired,
        serving=serving_slots(city, sites, turn, WORLDS[plan.radio], rng),
        far=np.array([_nearest_cell(sites, city, x, y) for y in (-1, 1) for x in (-1, 1)], np.int32),
    )


def _cell_id(number: int, cells: int) -> str:
    """A cell global identity of 15 digits: network 262-03, area, cell; those switched off belong to a higher area."""
    area = 40_000 + number // 600 if number < cells else 65_000
    return f"26203{area:05d}{number % 100_000:05d}"


def _sites(city: City, rng: np.random.Generator) -> Floats:
    """[site, x and y]: spread over each zone, and one every three kilometres in the country around."""
    centres = city.metres(np.arange(city.side**2, dtype=np.int32))
    inside = [_spread(centres[city.square_zone == zone], count, rng) for zone, count in enumerate(_counts(city))]
    every = round(COUNTRY_M / SQUARE_M)
    grid = np.arange(every // 2, city.side, every)
    row, column = np.stack(np.meshgrid(grid, grid)) + rng.integers(-3, 4, (2, len(grid), len(grid)))
    country = np.minimum(row * city.side + column, city.side**2 - 1).ravel()
    sites = np.concatenate([*inside, centres[country[city.square_zone[country] == OUTSIDE]]])
    return sites + rng.uniform(-0.45, 0.45, sites.shape) * SQUARE_M


def _counts(city: City) -> list[int]:
    """Sites of each zone: more where people live and work, and a network of its own for the arena's nights."""
    people = (LIVE + WORK)[city.area_type] * city.weight
    share = np.where(city.area_type == ARENA, 1.5, np.sqrt(people / people.mean()))
    return [max(3, round(SITES_PER_ZONE * float(s))) for s in share]


def _spread(squares: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Place sites in one zone, each amid its nearest squares (two rounds of Lloyd's method)."""
    sites = squares[rng.choice(len(squares), min(count, len(squares)), replace=False)]
    for _ in range(2):
        nearest = np.argmin(np.square(squares[:, None] - sites).sum(axis=2), axis=1)
        size = np.maximum(np.bincount(nearest, minlength=len(sites)), 1)
        sites = np.stack([np.bincount(nearest, axis, len(sites)) / size for axis in squares.T], axis=1)
    return sites


def _nearest_cell(sites: Floats, city: City, x: int, y: int) -> int:
    corner = np.array([x, y]) * city.side / 2 * SQUARE_M
    return SECTORS * int(np.argmin(np.square(sites - corner).sum(axis=1)))
