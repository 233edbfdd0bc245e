"""Quantiles and means of noisy histograms, with 90 % intervals. Pure post-processing: nothing is drawn here.

`likely_shares` gives what the bins of each row may hold without noise, at equally likely points. `Histogram` gives a
statistic of each point, and so its median and its interval (ADR 0074). Twins: tests/unit/products/test_histogram.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from tasks.interval import INTERVAL, Z90
from tasks.privacy.bounds import Reals

POINTS, GENERATOR = 251, 81
"""Of a lattice (Korobov 1959): it fills the cube of all bins evenly, and always by the same points."""
STANDARD = np.array([NormalDist().inv_cdf((point + 0.5) / POINTS) for point in range(POINTS)])
"""Equally likely normal numbers, ascending."""
FAR = 16
"""Standard errors above which other rows tell nothing of a share."""
PLACES = np.geomspace(1e-5, 1, 400)
"""Possible shares of a bin. Beforehand each order of magnitude is equally likely; the lowest ones mean none."""
VAGUE = 20.0
"""Rows that this vague distribution counts for beside those of the data, which are few and have noise."""
STEPS = 10
"""Of the EM algorithm."""


class Estimate(NamedTuple):
    """A statistic of each row: value, standard error, and the ends of its 90 % interval."""

    value: Reals
    se: Reals
    low: Reals
    high: Reals

    def on(self, scale: Callable[[Reals], Reals]) -> "Estimate":
        """The same on another rising scale; `se` is half of the interval divided by 1.645."""
        value, low, high = (scale(numbers) for numbers in (self.value, self.low, self.high))
        return Estimate(value, (high - low) / (2 * Z90), low, high)


def likely_shares(noisy: Reals, variances: Reals) -> Reals:
    """Equally likely shares of bins without noise [rows, points, bins], of like rows [rows, bins] of noisy numbers.

    Shares are of each row's noisy number, or of one standard error of it: less is noise. They need not add up to 1.
    Errors are independent. Bins are independent too, and the shares of each have a distribution over the rows.
    """
    size, points = np.maximum(noisy.sum(axis=1), np.sqrt(variances.sum(axis=1))), np.arange(POINTS)
    of_bins = [_of_bin(*each) for each in zip(noisy.T / size, np.sqrt(variances.T) / size, strict=True)]
    mixed = [of_bin[:, points * pow(GENERATOR, n, POINTS) % POINTS] for n, of_bin in enumerate(of_bins)]
    return np.asarray(np.stack(mixed, axis=2))


def _of_bin(noisy: Reals, se: Reals) -> Reals:
    """Equally likely shares of one bin [rows, points], ascending; NaN where there is no number."""
    found: Reals = noisy[:, None] + se[:, None] * STANDARD
    near = noisy <= FAR * se
    if near.any():
        until = np.floor(np.cumsum(_posterior(noisy[near], se[near]), axis=1) * POINTS + 0.5).astype(np.int64)
        times = np.diff(until, axis=1, prepend=0)
        found[near] = np.repeat(np.tile(PLACES, len(times)), times.ravel()).reshape(-1, POINTS)
    return found


def _posterior(noisy: Reals, se: Reals) -> Reals:
    """How likely each place is for each row [rows, places], by the EM algorithm (Laird 1978) from a vague beginning."""
    vague = prior = np.full(PLACES.size, 1 / PLACES.size)
    distance = np.square((noisy[:, None] - PLACES) / se[:, None]) / 2
    likelihood = np.exp(distance.min(axis=1, keepdims=True) - distance)
    for _ in range(STEPS):
        weights: Reals = likelihood * prior
        weights /= weights.sum(axis=1, keepdims=True)
        prior = (weights.sum(axis=0) + VAGUE * vague) / (len(noisy) + VAGUE)
    return weights


@dataclass(frozen=True)
class Histogram:
    """Equally likely shares or numbers by bin [rows, points, bins], and ascending edges of the bins.

    Inside a bin, values spread evenly over its edges: give edges on a scale on which they do, such as a logarithm.
    """

    shares: Reals
    edges: Reals

    def quantile(self, share: float) -> Estimate:
        """Where the cumulative share reaches this share of the total."""
        sums = np.cumsum(self.shares, axis=2)
        wanted = share * sums[..., -1:]
        bin_ = np.argmax(sums >= wanted, axis=2)[..., None]
        own, until = (np.take_along_axis(each, bin_, axis=2) for each in (self.shares, sums))
        part = 1 - (until - wanted) / own
        return _estimate((self.edges[bin_] + part * (self.edges[bin_ + 1] - self.edges[bin_]))[..., 0])

    def mean(self, at: Reals) -> Estimate:
        """The mean with all of a bin at one place."""
        return _estimate(self.shares @ at / self.shares.sum(axis=2))


def _estimate(of_points: Reals) -> Estimate:
    """The median of equally likely values [rows, points] and their central 90 %."""
    value, low, high = np.quantile(of_points, [0.5, (1 - INTERVAL) / 2, (1 + INTERVAL) / 2], axis=1)
    return Estimate(value, (high - low) / (2 * Z90), low, high)
