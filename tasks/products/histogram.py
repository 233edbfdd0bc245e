"""Quantiles and means of noisy histograms, with 90 % intervals. Pure post-processing: nothing is drawn here.

`Histogram(values, variances, edges).quantile(0.5)` and `.mean()` give an `Estimate` of each row. Slow twins:
tests/unit/products/test_histogram.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tasks.privacy.bounds import Reals
from tasks.privacy.release_table import Z90

HALVINGS = 40
"""Steps of a bisection inside a bin: more than a double resolves of its width."""


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


@dataclass(frozen=True)
class Histogram:
    """Noisy numbers by bin [rows, bins], with independent errors of these variances.

    `edges`: ascending edges of the bins, [bins + 1], or [rows, bins + 1] if each row has its own. Inside a bin,
    values spread evenly over these edges: give edges on a scale on which they do, such as a logarithm.
    """

    values: Reals
    variances: Reals
    edges: Reals

    @property
    def total(self) -> Reals:
        """The number of each row."""
        return np.asarray(self.values.sum(axis=1))

    @property
    def total_se(self) -> Reals:
        """The standard error of each row's number."""
        return np.asarray(np.sqrt(self.variances.sum(axis=1)))

    @property
    def monotone(self) -> "Histogram":
        """The same without negative bins: an isotonic fit of the cumulative numbers, weighted by their variances."""
        rising = isotonic(self.values.cumsum(axis=1), 1 / self.variances.cumsum(axis=1))
        return replace(self, values=np.diff(np.maximum(rising, 0.0), axis=1, prepend=0.0))

    def quantile(self, share: float) -> Estimate:
        """Where the cumulative number reaches this share of the total.

        With A the number below t, B the number above it, and q the share, e(t) = (1 - q) A - q B is zero at the
        quantile, and its variance follows from those of the bins. The interval holds every t whose e(t) lies within
        1.645 standard errors of zero. `se` is half of the interval divided by 1.645.
        """
        fitted = self.monotone
        value, low = (fitted._reaches(share, z) for z in (0.0, Z90))
        high = -fitted._mirrored._reaches(1 - share, Z90)
        return Estimate(value, (high - low) / (2 * Z90), low, high)

    @property
    def middles(self) -> Reals:
        """The middle of each bin."""
        return np.asarray((self.edges[..., :-1] + self.edges[..., 1:]) / 2)

    def mean(self, centres: Reals | None = None) -> Estimate:
        """The mean with each bin at its centre, by default its middle; `se` is of the noise alone.

        The interval goes from all numbers at their bin's lower edge to all at its upper edge, widened by the noise.
        """
        at = (self.edges[..., :-1], self.middles if centres is None else centres, self.edges[..., 1:])
        (low, low_se), middle, (high, high_se) = (self._weighted(x) for x in at)
        low, high = low - Z90 * low_se, high + Z90 * high_se
        # noise can make a wide bin negative: then its lower edges give the higher end
        return Estimate(*middle, np.minimum(low, middle[0]), np.maximum(high, middle[0]))

    def _weighted(self, x: Reals) -> tuple[Reals, Reals]:
        """The mean of x by the numbers of the bins, and its standard error (delta method)."""
        total = np.where(self.total == 0, np.nan, self.total)
        mean = (self.values * x).sum(axis=1) / total
        return mean, np.sqrt((self.variances * (x - mean[:, None]) ** 2).sum(axis=1)) / abs(total)

    @property
    def _mirrored(self) -> "Histogram":
        return Histogram(self.values[:, ::-1], self.variances[:, ::-1], -self.edges[..., ::-1])

    def _reaches(self, share: float, z: float) -> Reals:
        """The first t at which e(t) + z standard errors reaches zero, of numbers that are not negative.

        Inside a bin e(t) is straight and its standard error convex: the first edge that reaches zero ends the bin.
        """
        below, spread = (_from_zero(numbers.cumsum(axis=1)) for numbers in (self.values, self.variances))
        excess = below - share * below[:, -1:]
        variance = (1 - share) ** 2 * spread + share**2 * (spread[:, -1:] - spread)
        first = np.argmax(excess + z * np.sqrt(variance) >= 0, axis=1)
        row, bin_ = np.arange(len(first)), np.maximum(first - 1, 0)
        own = self.variances[row, bin_]
        others = variance[row, bin_] - share**2 * own
        least, most = np.zeros(len(row)), np.where(first > 0, 1.0, 0.0)
        for _ in range(HALVINGS):
            half = (least + most) / 2
            error = np.sqrt(others + (half - share) ** 2 * own)
            reached = excess[row, bin_] + half * self.values[row, bin_] + z * error >= 0
            least, most = np.where(reached, least, half), np.where(reached, half, most)
        edges = np.broadcast_to(self.edges, below.shape)
        return np.asarray(edges[row, bin_] + most * (edges[row, bin_ + 1] - edges[row, bin_]))


def isotonic(values: Reals, weights: Reals) -> Reals:
    """The rising rows nearest to these by weighted least squares [rows, n]: pool adjacent violators, all rows at once.

    Source: Barlow et al. 1972, Statistical Inference under Order Restrictions.
    """
    mean, weight, length = np.zeros(values.shape), np.zeros(values.shape), np.zeros(values.shape, np.int64)
    last, row = np.full(len(values), -1), np.arange(len(values))
    for column in range(values.shape[1]):
        last += 1
        mean[row, last], weight[row, last], length[row, last] = values[:, column], weights[:, column], 1
        falling = row
        while len(falling := falling[_falls(mean, falling, last)]):
            into = last[falling] = last[falling] - 1
            pair = np.stack((into, into + 1))
            mean[falling, into] = np.average(mean[falling, pair], axis=0, weights=weight[falling, pair])
            weight[falling, into] = weight[falling, pair].sum(axis=0)
            length[falling, into] += length[falling, into + 1]
            length[falling, into + 1] = 0
    return np.repeat(mean.ravel(), length.ravel()).reshape(values.shape)


def _falls(mean: Reals, rows: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Rows whose last block lies below the one before it."""
    here = last[rows]
    falls: np.ndarray = (here > 0) & (mean[rows, here] < mean[rows, here - 1])
    return falls


def _from_zero(cumulative: Reals) -> Reals:
    return np.pad(cumulative, ((0, 0), (1, 0)))
