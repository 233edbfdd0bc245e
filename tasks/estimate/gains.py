"""What the nights say of the radio network: cells of some zones are heard farther than plans tell, others less far.

At night people are at home, and a census knows where homes are. Differences are of two kinds, separated by Bayes'
rule. A gain g of a zone's cells takes persons from its neighbours: M'[a, t] = M[a, t] exp(g[a]) / sum over assigned
zones, outside with gain 0. A home zone's deviation h, of opt-in and of who happens to be in the panel, takes nothing:

    log night = log(M' expected) + h + noise,    g ~ N(0, radio^2),    h ~ N(0, homes^2 + 1 / expected)

`radio` and `homes` follow from the marginal likelihood of the night.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]

RADIO = np.array([0.1, 0.2, 0.3, 0.45, 0.65, 0.9])
"""Standard deviations of a zone's gain: a few cells, each shadowed or unloaded by 4 to 8 dB (3GPP TR 38.901)."""
HOMES = np.array([0.01, 0.03, 0.06, 0.1, 0.15, 0.2])
"""Standard deviations of a home zone's share in the panel beside its district's."""
AT_HOME, AT_HOME_BY_DAY = 0.95, 0.5
"""Shares of people (Eurostat, HETUS 2010)."""
STEPS = 4
BLOCK = 300
"""Zones whose gains are fitted at once."""


@dataclass(frozen=True)
class Gains:
    """What was learnt of zones; logarithms."""

    matrix: Reals
    """M' [assigned zone, true zone]."""
    covariance: Reals
    """Of the gains, [assigned zone, assigned zone]."""
    homes: Reals
    """[true zone] by how much more of the residents are in the panel than in the whole district."""
    kept: Reals
    """Part of a night's unexplained difference that `homes` takes: radio errors get into it by as much."""
    unsure: Reals
    """Variance of `homes` without that error."""

    def radio(self, inverse: Reals, persons: Reals) -> Reals:
        """[true zone] relative variance of unfolded persons that the gains leave; `inverse` [true, assigned] of M'."""
        moved = inverse @ _moved(self.matrix, self.matrix, persons) / np.maximum(persons, 1e-9)[:, None]
        return np.asarray(((moved @ self.covariance) * moved).sum(axis=1))

    def together(self, radio: Reals, residents: Reals) -> Reals:
        """Relative variance of both, [zone, hour], as `residents` are that share of the persons there."""
        kept, unsure = self.kept[:, None], self.unsure[:, None]
        return np.square(1 - residents * kept) * radio[:, None] + np.square(residents) * unsure


def fit(matrix: Reals, home: Reals, day: Reals, night: Reals, variances: Reals) -> Gains:
    """Learn from the mean of night hours [assigned zone] with its variances.

    `home` [true zone]: the panel by home, as census and districts tell; `day` [true zone]: persons in working hours.
    Zones beside each other in number are fitted together.
    """
    expected, counted = _expected(matrix, home, day, night.sum()), np.maximum(night, 1)
    chance = (matrix * (1 - matrix)) @ expected
    noise, own = (variances + chance) / np.square(counted), 1 / expected
    radio, differing = _spreads(matrix, expected, np.log(counted / (matrix @ expected)), own + noise)
    prior, precision = own + differing**2, np.eye(BLOCK) / radio**2
    gains, covariance = np.zeros(len(night)), np.zeros_like(matrix)
    for _ in range(STEPS):
        whole = _whole(matrix, gains)
        for block in _blocks(len(night)):
            some = matrix[block] * np.exp(gains[block])[:, None] / whole
            slope, left = _slope(some, expected), np.log(counted[block] / (some @ expected))
            weighted, size = slope.T / (prior + noise)[block], len(some)
            covariance[block, block] = np.linalg.inv(weighted @ slope + precision[:size, :size])
            gains[block] = covariance[block, block] @ weighted @ (left + slope @ gains[block])
    found, kept = matrix * np.exp(gains)[:, None] / _whole(matrix, gains), prior / (prior + noise)
    homes = kept * np.log(counted / (found @ expected))
    return Gains(found, covariance, homes, kept, (1 - kept) * prior)


def _whole(matrix: Reals, gains: Reals) -> Reals:
    """[true zone] the sum of M with gains of the assigned zones, and of what is assigned outside."""
    return np.asarray(1 + (np.exp(gains) - 1) @ matrix)


def _expected(matrix: Reals, home: Reals, day: Reals, total: float) -> Reals:
    """[true zone] persons at night: at home, and the others where those are by day who are not at home then."""
    away = np.maximum(day * home.sum() / max(float(day.sum()), 1e-9) - AT_HOME_BY_DAY * home, 1e-9)
    found = AT_HOME * home + (1 - AT_HOME) * home.sum() * away / away.sum()
    return np.asarray(np.maximum(found * total / (matrix @ found).sum(), 1.0))


def _moved(some: Reals, of: Reals, persons: Reals) -> Reals:
    """[assigned zone, zone of the gain] the derivative of matrix @ persons, of some rows."""
    moved = -(some * persons) @ of.T
    moved[np.diag_indices(len(some))] += some @ persons
    return np.asarray(moved)


def _slope(some: Reals, persons: Reals) -> Reals:
    """The same of the logarithm, among these rows."""
    return np.asarray(_moved(some, some, persons) / np.maximum(some @ persons, 1e-9)[:, None])


def _blocks(zones: int) -> Iterator[slice]:
    yield from (slice(first, first + BLOCK) for first in range(0, zones, BLOCK))


def _spreads(matrix: Reals, expected: Reals, apart: Reals, variances: Reals) -> tuple[float, float]:
    """Root mean squares of `radio` and `homes` over both scales, weighted by the marginal likelihood of the blocks."""
    radio, homes = (axis.ravel() for axis in np.meshgrid(RADIO, HOMES))
    likely = np.zeros(len(radio))
    for block in _blocks(len(apart)):
        slope = _slope(matrix[block], expected)
        heard = slope @ slope.T
        for number, (one, other) in enumerate(zip(radio, homes, strict=True)):
            root = np.linalg.cholesky(one**2 * heard + np.diag(variances[block] + other**2))
            far = np.square(np.linalg.solve(root, apart[block])).sum()
            likely[number] -= far / 2 + np.log(np.diag(root)).sum()
    weight = np.exp(likely - likely.max())
    weight /= weight.sum()
    return float(np.sqrt(weight @ radio**2)), float(np.sqrt(weight @ homes**2))
