"""Which cells serve a place, and how often: by distance, shadowing and load, as a table of equally likely slots."""

from dataclasses import dataclass

import numpy as np

from tasks.simulate.city import LIVE, OUTSIDE, SQUARE_M, WORK, City
from tasks.simulate.plan import Floats, Ints

SECTORS = 3
SLOTS = 16
"""The number of equally likely slots of a place; one random slot is one draw by signal and load."""
SITES_HEARD = 4
REACH_M = 4500
"""No phone is heard farther away, so that two cells of one place are never ten kilometres apart."""
BLOCK = 4
NEAREST = 32


@dataclass(frozen=True)
class RadioWorld:
    """How signal reaches places."""

    path_loss: float
    """Exponent of distance."""
    shadowing: float
    """Standard deviation of the logarithm of chance, by place and site."""
    power: float
    """The same by site: some are heard farther than others."""
    shed: float
    """How strongly a busy site hands people on to its neighbours."""
    beside: float
    """How much weaker the second-best sector of a site is heard."""


WORLDS = {"usual": RadioWorld(3.5, 0.35, 0, 0.3, 0.25), "wide": RadioWorld(2.7, 0.6, 0.5, 0.6, 0.45)}


def serving_slots(city: City, sites: Floats, turn: Ints, world: RadioWorld, rng: np.random.Generator) -> Ints:
    """[square x SLOTS] serving cells; sites are points in metres, `turn` is the azimuth of each one's first sector."""
    centres = city.metres(np.arange(city.side**2, dtype=np.int32))
    near = _near_sites(city, sites, centres)
    signal = _signal(city, sites, near, centres, world, rng)
    best = np.argsort(-signal, axis=1)[:, :SITES_HEARD]
    strength, site = np.take_along_axis(signal, best, axis=1), np.take_along_axis(near, best, axis=1)
    sector, beside = _sectors(centres[:, None] - sites[site], turn[site])
    cells = np.concatenate([SECTORS * site + sector, (SECTORS * site + beside)[:, :2]], axis=1)
    return _slots(cells, np.concatenate([strength, world.beside * strength[:, :2]], axis=1))


def _signal(
    city: City, sites: Floats, near: Ints, centres: Floats, world: RadioWorld, rng: np.random.Generator
) -> Floats:
    """Signal falls with distance and is shadowed by chance; a site that many live or work near sheds some of them."""
    apart = sites[near] - centres[:, None]
    distance = np.hypot(apart[..., 0], apart[..., 1])
    chance = rng.lognormal(0, world.shadowing, near.shape) * rng.lognormal(0, world.power, len(sites))[near]
    signal = (distance + 80) ** -world.path_loss * chance * np.where(distance > REACH_M, 1e-9, 1)
    strongest = np.take_along_axis(near, np.argmax(signal, axis=1)[:, None], axis=1)[:, 0]
    demand = np.bincount(strongest, weights=_demand(city), minlength=len(sites))
    return np.asarray(signal / (np.maximum(demand / demand.mean(), 0.2) ** world.shed)[near])


def _sectors(towards: Floats, turn: Ints) -> tuple[Ints, Ints]:
    """The sector that points towards a place, and the one on its nearer side; bearings are clockwise from north."""
    bearing = np.degrees(np.arctan2(towards[..., 0], towards[..., 1])) - turn + 60
    sector = np.floor(bearing / 120).astype(np.int32)
    beside = sector + np.where(bearing % 120 > 60, 1, -1)
    return sector % SECTORS, beside % SECTORS


def _near_sites(city: City, sites: Floats, centres: Floats) -> Ints:
    """[square, NEAREST] the sites nearest to the middle of each square's block: enough to hold the square's own."""
    blocks = -(-city.side // BLOCK)
    column, row = np.meshgrid(np.arange(blocks), np.arange(blocks))
    middles = (np.stack([column, row], axis=-1).reshape(-1, 2) * BLOCK + BLOCK / 2 - city.side / 2) * SQUARE_M
    count = min(NEAREST, len(sites))
    near = np.empty((len(middles), count), np.int32)
    for start in range(0, len(middles), 512):
        some = middles[start : start + 512].astype(np.float32)
        apart = np.square(some[:, None] - sites.astype(np.float32)).sum(axis=2)
        near[start : start + 512] = np.argpartition(apart, count - 1, axis=1)[:, :count]
    square = np.arange(len(centres))
    return np.asarray(near[(square // city.side // BLOCK) * blocks + square % city.side // BLOCK])


def _demand(city: City) -> Floats:
    """[square] how many people are about, day and night together, in arbitrary units."""
    squares = np.bincount(city.square_zone[city.square_zone != OUTSIDE], minlength=len(city.weight))
    pull = (LIVE + WORK)[city.area_type] * city.weight / squares
    return np.asarray(np.where(city.square_zone == OUTSIDE, pull.min() / 10, pull[city.square_zone]))


def _slots(cells: Ints, share: Floats) -> Ints:
    """Cells in slots by their share, the strongest first."""
    reached = np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True)
    slot = (np.arange(SLOTS) + 0.5) / SLOTS
    choice = np.sum(slot[None, :, None] > reached[:, None, :], axis=2).clip(max=cells.shape[1] - 1)
    return np.take_along_axis(cells, choice, axis=1).astype(np.int32).ravel()
