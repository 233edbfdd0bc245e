"""How strongly cells are received: antennas with stated fallbacks, and a small set of plausible models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.mobility.cell_attributes import RADIO
from tasks.mobility.cells import CellPlan
from tasks.mobility.tiles import Plane

Reals = NDArray[np.float64]

BEAM_WIDTH = 65.0
"""Degrees at half power of a site of three sectors (3GPP TR 38.901, table 7.3-1)."""
SECTORS = 3
HEIGHT_M = 30.0
POWER_W, SMALL_POWER_W = 10.0, 0.25
"""A small cell transmits at 30 dBm, a macro cell at 46 (3GPP TR 36.814, tables A.2.1.1-2 and A.2.1.1.2-3).

Without obstacles, 10 W reach as far as usual in a network with them.
"""
SMALL_HEIGHT_M, SMALL_RANGE_M = 10.0, 1_000.0
"""A cell that is not higher is a small one (3GPP TR 38.901, UMi street canyon); so is one that serves all directions
among sectors and has less range. Sectors of a dense network have short ranges too.
"""
OMNI_DB = 9.0
"""Antenna gain of a sector (14 dBi) beside that in all directions (5 dBi; 3GPP TR 36.814)."""
RANGE_M, GSM_RANGE_M = 15_000.0, 35_000.0
"""GSM's timing advance ends at 35 km."""
MOST_LOSS = 30.0
"""dB behind an antenna (3GPP TR 38.901, table 7.3-1)."""
MIDDLE, STEEPNESS = -92.5, 0.2
UNEVEN_DB = 4.2
"""How far tilt, load and terrain raise or lower all signals of a site.

The half of a variance of (6 dB)^2 that the places around a site share (3GPP TR 38.901, tables 7.4.1-1 and 7.5-6).
"""
LEAST_DOMINANCE = 0.01
"""A cell covers a tile from this signal dominance on.

M. Tennekes, Y. Gootzen, Bayesian location estimation of mobile devices using a signal strength model, JOSIS 25 (2022).
"""


@dataclass(frozen=True)
class RadioModel:
    """A plausible model: path loss exponent, factor on beam widths, and how covering cells share a tile.

    `power`: by received power, which is the chance of the strongest signal under Gumbel shadowing of 5.6 dB.
    `dominance`: by signal dominance, as published.
    """

    exponent: float = 3.75
    beams: float = 1.0
    share: Literal["power", "dominance"] = "power"
    sites: int | None = None
    """The number of a pattern by which half of the sites are stronger by UNEVEN_DB, and the others weaker."""


MODELS = (
    RadioModel(),
    RadioModel(exponent=3.25),
    RadioModel(exponent=4.5),
    RadioModel(beams=0.7),
    RadioModel(beams=1.4),
    *(RadioModel(sites=pattern) for pattern in range(4)),
)
"""The first is the estimate; the others show how far a wrong one may be."""
PUBLISHED = RadioModel(share="dominance")
"""The published method. In a dense network many cells dominate alike, so that a phone would be heard far too widely."""


@dataclass(frozen=True)
class Antennas:
    """Cell versions on a plane (metres), without a missing value except `azimuth`, NaN for all directions."""

    place: Reals
    azimuth: Reals
    beam_width: Reals
    height_m: Reals
    power_dbm: Reals
    range_m: Reals
    on_air: Reals
    """The part of the day in which each version is valid."""
    site: NDArray[np.intp]

    def take(self, rows: NDArray[np.integer]) -> "Antennas":
        """The given cells."""
        return Antennas(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def antennas(cells: CellPlan, plane: Plane) -> Antennas:
    """The antennas of a day's cell plan; what is missing has the fallbacks above."""
    given = dict(zip(RADIO, cells.radio.T, strict=True))
    places, site = np.unique(cells.longitude + 1j * cells.latitude, return_inverse=True)
    directed = ~np.isnan(given["azimuth"])
    turns = np.unique(np.stack([site, given["azimuth"]])[:, directed], axis=1)  # bands of a sector have one azimuth
    sectors = np.bincount(turns[0].astype(np.intp), minlength=len(places))[site]
    omni = ~directed & directed.any() & (np.bincount(site)[site] == 1)
    small = (given["height_m"] <= SMALL_HEIGHT_M) | (omni & (given["range_m"] < SMALL_RANGE_M))
    span = cells.to_second - cells.from_second
    usual: Mapping[str, Reals | float] = {
        "beam_width": BEAM_WIDTH * SECTORS / np.maximum(sectors, SECTORS),
        "height_m": HEIGHT_M,
        "power_w": np.where(small, SMALL_POWER_W, POWER_W),
        "range_m": np.where(given["technology"] == 2, GSM_RANGE_M, RANGE_M),
    }
    known = {name: np.where(np.isnan(given[name]), fallback, given[name]) for name, fallback in usual.items()}
    return Antennas(
        plane.project(np.stack([cells.longitude, cells.latitude], axis=1)),
        given["azimuth"],
        known["beam_width"],
        known["height_m"],
        30 + 10 * np.log10(known["power_w"]) - OMNI_DB * omni,
        known["range_m"],
        span / max(int(cells.to_second.max()), 1),
        site,
    )


@dataclass(frozen=True)
class Paths:
    """From tiles to cells, [tile, cell]: what no model changes."""

    decades: Reals
    """Log10 of the distance in metres between antenna and ground, at least one metre."""
    turned: Reals
    """Degrees between azimuth and tile, per beam width; 0 for all directions."""
    within: NDArray[np.bool_]
    power_dbm: Reals
    on_air: Reals
    site: NDArray[np.intp]


def paths(tiles: Reals, cells: Antennas) -> Paths:
    """Paths from each tile to its own cells: `tiles` [tile, x and y], `cells` with arrays [tile, cell]."""
    east, north = (tiles[:, None, axis] - cells.place[..., axis] for axis in (0, 1))
    ground = np.hypot(east, north)
    bearing = np.degrees(np.arctan2(east, north))
    apart = np.abs((bearing - cells.azimuth + 180) % 360 - 180)
    turned = np.where(np.isnan(apart) | (ground == 0), 0.0, apart / cells.beam_width)
    decades = np.log10(np.maximum(np.hypot(ground, cells.height_m), 1.0))
    return Paths(decades, turned, ground <= cells.range_m, cells.power_dbm, cells.on_air, cells.site)


def uneven(site: NDArray[np.intp], pattern: int | None) -> Reals | float:
    """Plus or minus UNEVEN_DB by site: a digit of a multiple of the site's number (Knuth's multiplicative hash)."""
    if pattern is None:
        return 0.0
    return np.asarray(UNEVEN_DB * (2.0 * (site * 2_654_435_761 >> 13 + 3 * pattern & 1) - 1), np.float64)


def strengths(path: Paths, model: RadioModel) -> Reals:
    """[tile, cell] relative strength by which cells share a tile; 0 where a cell does not cover it."""
    loss = np.minimum(12 * (path.turned / model.beams) ** 2, MOST_LOSS)
    received = path.power_dbm - 10 * model.exponent * path.decades - loss + uneven(path.site, model.sites)
    dominance = 1 / (1 + np.exp(-STEEPNESS * (received - MIDDLE)))
    covers = path.within & (dominance >= LEAST_DOMINANCE)
    strength = dominance if model.share == "dominance" else 10 ** (received / 10)
    found: Reals = np.where(covers, strength * path.on_air, 0.0)
    return found
