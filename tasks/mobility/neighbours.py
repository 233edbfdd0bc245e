"""How far away the neighbours of a cell are, by the network around it. Compiled.

In a network of hexagons three rings around a site hold 36 others: cells at these are neighbours. So it is a few hundred
metres in a city and many kilometres in the country.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.events.jit import kernel
from tasks.mobility.day import EARTH_RADIUS_M

SITES = 36
SAME_SITE_M = 100.0
"""Cells of one square of this side are at one site."""
Reals = NDArray[np.float64]


def neighbour_reach(latitude: Reals, longitude: Reals) -> Reals:
    """[cell] metres to the 36th nearest other site (radians); infinite where there are fewer."""
    step = SAME_SITE_M / EARTH_RADIUS_M
    squares, of_cell = np.unique(np.rint(np.stack([latitude, longitude], axis=1) / step), axis=0, return_inverse=True)
    found = np.empty(len(squares))
    fill_reach(step * squares, np.empty(SITES), found)
    return found[of_cell.ravel()]


@kernel
def fill_reach(sites: Reals, nearest: Reals, found: Reals) -> None:
    """Fill the distance of each site, sorted by latitude, to the last of its nearest ones; `nearest`: space."""
    for site in range(len(sites)):
        nearest[:] = np.inf
        for step in (-1, 1):
            other = site + step
            while 0 <= other < len(sites) and EARTH_RADIUS_M * abs(sites[other, 0] - sites[site, 0]) < nearest[-1]:
                insert(nearest, apart(sites, site, other))
                other += step
        found[site] = nearest[-1]


@kernel
def apart(sites: Reals, a: int, b: int) -> float:
    """Metres between two sites, on a plane between them."""
    north = sites[a, 0] - sites[b, 0]
    east = (sites[a, 1] - sites[b, 1]) * np.cos((sites[a, 0] + sites[b, 0]) / 2)
    return float(EARTH_RADIUS_M * np.sqrt(north * north + east * east))


@kernel
def insert(rising: Reals, number: float) -> None:
    """Insert a number into rising ones, of which the last one leaves."""
    place = len(rising) - 1
    if number >= rising[place]:
        return
    while place > 0 and rising[place - 1] > number:
        rising[place] = rising[place - 1]
        place -= 1
    rising[place] = number
