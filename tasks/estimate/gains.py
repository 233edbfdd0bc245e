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
HOMES = np.array([0.01, 0.03, 0.06, 0.1, 0.2, 0.4])
"""Standard deviations of a home zone's share in the panel beside its district's."""
AT_HOME, AT_HOME_BY_DAY = 0.95, 0.5
"""Shares of people: assumptions, as of homes.py."""
OF_ALL, OF_EACH = 0.4, 0.3
"""Standard deviations (logarithm) of how many are away at night: of all, and in each zone beside the others."""
STEPS = 4
BLOCK = 300
"""Zones whose gains are fitted at once."""


@dataclass(frozen=True)
class Gains:
    """What was learnt of zones; logarithms."""

    matrix: Reals
    """M' [assigned zone, true zone]."""
    covariances: tuple[Reals, ...]
    """Of the gains of each block of zones."""
    homes: Reals
    """[true zone] by how much more of the residents are in the panel than in the whole district."""
    kept: Reals
    """Part of a night's unexplained difference that `homes` takes: radio errors get into it by as much."""
    unsure: Reals
    """Variance of `homes` without that error."""

    def shifts(self, inverse: Reals, persons: Reals) -> Reals:
        """[true zone, any] relative errors of unfolded persons by independent parts of the gains' errors.

        `inverse` [true, assigned] of M'.
        """
        scaled, counted, found = self.matrix * persons, self.matrix @ persons, []
        for block, covariance in zip(_blocks(len(persons)), self.covariances, strict=True):
            moved = inverse[:, block] * counted[block] - inverse @ (scaled @ self.matrix[block].T)
            shifted = moved @ np.linalg.cholesky(covariance) / np.maximum(persons, 1e-9)[:, None]
            found.append(shifted.astype(np.float32))  # a national plan has nine million
        return np.concatenate(found, axis=1)

    def together(self, radio: Reals, residents: Reals) -> Reals:
        """Relative variance of both, [zone, hour], as `residents` are that share of the persons there."""
        kept, unsure = self.kept[:, None], self.unsure[:, None]
        return np.square(1 - residents * kept) * radio[:, None] + np.square(residents) * unsure


def fit(matrix: Reals, home: Reals, day: Reals, night: Reals, variances: Reals) -> Gains:
    """Learn from the mean of night hours [assigned zone] with its variances.

    `home` [true zone]: the panel by home, as census and districts tell; `day` [true zone]: persons in working hours.
    Zones beside each other in number are fitted together.
    """
    counted, sent = np.maximum(night, 1), _Night(matrix, home, day, night.sum())
    gains, more, covariances = np.zeros(len(night)), np.zeros(len(night)), list[Reals]()
    expected, strangers = sent.expected(more)
    chance = (matrix * (1 - matrix)) @ expected
    noise = (variances + chance) / np.square(counted) + np.square(OF_EACH * strangers)
    radio, differing = _spreads(matrix, expected, strangers, _surplus(counted, matrix @ expected), noise)
    for _ in range(STEPS):
        prior = 1 / expected + differing**2
        whole, covariances = _whole(matrix, gains), []
        for block in _blocks(len(night)):
            some = matrix[block] * np.exp(gains[block])[:, None] / whole
            slope, left = _slope(some, expected), _surplus(counted[block], some @ expected)
            goal = left + slope @ gains[block] + (strangers * more)[block]
            known = _posterior(slope, strangers[block], goal, (prior + noise)[block], radio)
            gains[block], more[block] = known[0], known[2]
            covariances.append(known[1])
        expected, strangers = sent.expected(more)
    found, kept = matrix * np.exp(gains)[:, None] / _whole(matrix, gains), prior / (prior + noise)
    homes = kept * _surplus(counted, found @ expected)
    return Gains(found, tuple(covariances), homes, kept, (1 - kept) * prior)


def _posterior(
    slope: Reals, strangers: Reals, goal: Reals, variances: Reals, radio: float
) -> tuple[Reals, Reals, float]:
    """Mean and covariance of a block's gains, and by how much more people are away than expected."""
    design = np.column_stack([slope, strangers])
    precision = np.diag([*np.full(len(slope), radio**-2), OF_ALL**-2]) + design.T @ (design / variances[:, None])
    covariance = np.linalg.inv(precision)
    mean = covariance @ design.T @ (goal / variances)
    return mean[:-1], np.asarray(covariance[:-1, :-1], np.float64), float(mean[-1])


def _surplus(counted: Reals, expected: Reals) -> Reals:
    """Logarithm of what is counted for what is expected; 0 in zones without a cell, where nobody is."""
    return np.log(np.where(expected > 0, counted, 1) / np.where(expected > 0, expected, 1))


def _whole(matrix: Reals, gains: Reals) -> Reals:
    """[true zone] the sum of M with gains of the assigned zones, and of what is assigned outside."""
    return np.asarray(1 + (np.exp(gains) - 1) @ matrix)


@dataclass(frozen=True)
class _Night:
    """Persons at night: at home, and the others where those are by day who are not at home then."""

    matrix: Reals
    home: Reals
    day: Reals
    total: float

    def expected(self, more: Reals) -> tuple[Reals, Reals]:
        """Persons [true zone], and the part of those counted who are away [assigned zone]; `more`: logarithms."""
        by_day = self.day * self.home.sum() / max(float(self.day.sum()), 1e-9) - AT_HOME_BY_DAY * self.home
        away = np.maximum(by_day, 1e-9)
        away *= (1 - AT_HOME) * self.home.sum() / away.sum() * np.exp(more)
        found = AT_HOME * self.home + away
        scale = self.total / (self.matrix @ found).sum()
        return np.maximum(found * scale, 1.0), self.matrix @ away / np.maximum(self.matrix @ found, 1e-9)


def _slope(some: Reals, persons: Reals) -> Reals:
    """[assigned zone, zone of the gain] the derivative of log(matrix @ persons), among some rows."""
    counted = np.maximum(some @ persons, 1e-9)
    return np.asarray(np.eye(len(some)) - (some * persons) @ some.T / counted[:, None])


def _blocks(zones: int) -> Iterator[slice]:
    yield from (slice(first, first + BLOCK) for first in range(0, zones, BLOCK))


def _spreads(matrix: Reals, expected: Reals, strangers: Reals, apart: Reals, noise: Reals) -> tuple[float, float]:
    """Root mean squares of `radio` and `homes` over both scales, weighted by the marginal likelihood of the blocks."""
    radio, homes = (axis.ravel() for axis in np.meshgrid(RADIO, HOMES))
    likely = np.zeros(len(radio))
    for block in _blocks(len(apart)):
        slope = _slope(matrix[block], expected)
        heard, away = slope @ slope.T, OF_ALL**2 * np.outer(strangers[block], strangers[block])
        sure = away + np.diag((1 / expected + noise)[block])
        for number, (one, other) in enumerate(zip(radio, homes, strict=True)):
            root = np.linalg.cholesky(one**2 * heard + sure + other**2 * np.eye(len(sure)))
            far = np.square(np.linalg.solve(root, apart[block])).sum()
            likely[number] -= far / 2 + np.log(np.diag(root)).sum()
    weight = np.exp(likely - likely.max())
    weight /= weight.sum()
    return float(np.sqrt(weight @ radio**2)), float(np.sqrt(weight @ homes**2))
