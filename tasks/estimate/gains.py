"""What nights say of the radio network and of homes, by Bayes' rule.

At night people are at home, and a census knows where homes are. Counts differ from that in three ways: cells are heard
farther or less far (e, see heard.py), homes are in the panel more or less often (h), and others are there who live
elsewhere (v, see nights.py):

    log counted = log(M'(e) persons(h, v)) + noise,    h ~ N(0, homes^2 + 1 / expected),    v ~ N(0, each^2) + common

`radio`, `homes` and `each` follow from the marginal likelihood of the night. Zones beside each other in number are
fitted together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.equations import Equations, Learned, corrected, equations
from tasks.estimate.heard import Halves
from tasks.estimate.nights import Night

Reals = NDArray[np.float64]

RADIO = (0.1, 0.2, 0.35, 0.6, 0.9)
"""Standard deviations of e: a few cells, each shadowed or unloaded by 4 to 8 dB (3GPP TR 38.901)."""
HOMES = (0.01, 0.04, 0.1, 0.2, 0.4)
"""Standard deviations of a home zone's share in the panel beside its district's."""
EACH = (0.15, 0.3, 0.6)
"""Standard deviations of how many are away in each zone beside the others."""
STEPS, LEARNS = 6, (0, 2)
"""Linear fits, and before which of them the standard deviations are learned."""
ENOUGH = 4
"""Blocks from which standard deviations are learned."""


@dataclass(frozen=True)
class Together:
    """[zone, hour] relative variances of people by places and homes, and twice their covariance with counts."""

    places: Reals
    same: Reals
    """Nights teach places and homes. What is wrong with a night's counts is wrong with all three, and cancels."""

    def parts(self, counted: Reals, size: Reals) -> tuple[Reals, Reals]:
        """What is left of the variances of counts and of places, as many persons are there."""
        places = self.places * size**2
        both = np.minimum(self.same * size**2, 2 * np.sqrt(counted * places))
        left = 1 - both / np.maximum(counted + places, 1e-9)
        return counted * left, places * left


@dataclass(frozen=True)
class Gains:
    """What was learned of zones; logarithms."""

    matrix: Reals
    """M' [assigned zone, true zone]."""
    homes: Reals
    """h [true zone]: by how much more of the residents are in the panel than in the whole district."""
    blocks: tuple[Learned, ...]

    def shifts(self, inverse: Reals, persons: Reals) -> Reals:
        """[true zone, any] relative errors of unfolded persons [true zone] by independent parts of the errors of e.

        `inverse` [true, assigned] of M'.
        """
        found, least = [], np.maximum(persons, 1e-9)[:, None]
        for block in self.blocks:
            size, parts = np.linalg.eigh(block.errors(persons)[0])
            shifted = inverse[:, block.heard.rows] @ (parts * np.sqrt(np.maximum(size, 0))) / least
            found.append(shifted.astype(np.float32))  # a national plan has nine million
        return np.concatenate(found, axis=1)

    def counted_alike(self, staying: Reals) -> Reals:
        """[zone, hour] the covariance of counts of two times that those cause who stay [true zone, hour].

        Which antenna serves a phone at rest is chance, but the same one at both times.
        """
        return np.asarray((self.matrix * (1 - self.matrix)) @ staying)

    def together(self, inverse: Reals, persons: Reals, residents: Reals, shared: Reals) -> Together:
        """Variances of people, as `residents` are that share of the unfolded `persons` [zone, hour] there.

        A zone that is unfolded too high seems to have too many residents in the panel: both errors cancel.
        `shared` [zone, hour]: the covariance of the counts of the hour and of the night.
        """
        places, same = np.empty_like(persons), np.empty_like(persons)
        there = np.maximum(persons, 1)
        for block in self.blocks:
            rows, unsure, follow = block.heard.rows, block.unsure, block.follow
            own = inverse[rows, rows]
            for hour, each in enumerate(there.T):
                place, both, heard = block.errors(each, each * (1 - residents[:, hour]))
                share, size = residents[rows, hour], each[rows]
                error, with_homes = ((own @ place) * own).sum(axis=1), (own * both.T).sum(axis=1)
                places[rows, hour] = error / size**2 + 2 * share * with_homes / size + share**2 * unsure
                learnt = own @ heard / size[:, None] + share[:, None] * follow
                same[rows, hour] = 2 * (learnt * own) @ shared[rows, hour] / size
        return Together(np.maximum(places, 0), same)


def fit(matrix: Reals, night: Night, patterns: Sequence[Halves] = ()) -> Gains:
    """Learn e, h and v of zones from a night; `matrix` and patterns of e [assigned zone, true zone] by plans."""
    zones = len(night.home)
    e, homes, away = np.zeros(matrix.shape, np.float32), np.zeros(zones), np.zeros(zones)
    spreads, blocks = (0.0, 0.0, 0.0), list[Equations]()
    for step in range(STEPS):
        blocks = list(equations(matrix, night, e, homes, away, patterns))
        spreads = _spreads(blocks) if step in LEARNS else spreads
        e = np.zeros_like(e)
        for block in blocks:
            rows = block.heard.rows
            e[rows, block.heard.near], homes[rows], away[rows] = block.solved(*spreads)
    heard = corrected(matrix, e)
    return Gains(heard, homes, tuple(block.learned(heard, *spreads) for block in blocks))


def _spreads(blocks: Sequence[Equations]) -> tuple[float, float, float]:
    """Root mean squares of `radio`, `homes` and `each` over all scales, weighted by the marginal likelihood."""
    scales, some = np.array(list(product(RADIO, HOMES, EACH))), blocks[:: -(-len(blocks) // ENOUGH)]
    likely = np.array([sum(block.likelihood(*scale) for block in some) for scale in scales.tolist()])
    weight = np.exp(likely - likely.max())
    radio, homes, each = np.sqrt(weight @ np.square(scales) / weight.sum()).tolist()
    return radio, homes, each
