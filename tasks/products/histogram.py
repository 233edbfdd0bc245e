"""Quantiles and means of noisy histograms, with 90 % intervals. Pure post-processing: nothing is drawn here.

`Histogram(values, variances, edges).quantile(0.5)` and `.mean()` give an `Estimate` of each row. Slow twins:
tests/unit/products/test_histogram.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tasks.interval import Z90
from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.normal import below

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

    def quantile(self, share: float) -> Estimate:
        """Where the cumulative number reaches this share of the total.

        With A the number below t, B the number above it, and q the share, e(t) = (1 - q) A - q B is zero at the
        quantile, and its variance follows from those of the bins. So P(t) = P(e(t) > 0) is a confidence distribution
        of the quantile, but for bins that noise makes negative. The mean of its running maximum and of its running
        minimum from above is rising: the quantile is its median, and the interval lies between its 5 and 95 %.
        `se` is half of the interval divided by 1.645.
        """
        value, low, high = (_Confidence(self, share).reaches(at) for at in (0.5, 0.05, 0.95))
        return Estimate(value, (high - low) / (2 * Z90), low, high)

    @property
    def middles(self) -> Reals:
        """The middle of each bin."""
        return np.asarray((self.edges[..., :-1] + self.edges[..., 1:]) / 2)

    def mean(self, at: Reals | None = None) -> Estimate:
        """The mean with all numbers of a bin at one place, by default its middle; `se` is by the delta method.

        The interval holds every m at which the sum of numbers times (place - m) lies within 1.645 standard errors of
        zero (Fieller 1954): if the total is within 1.645 standard errors of zero, all places.
        """
        x = np.broadcast_to(self.middles if at is None else at, self.values.shape)
        total, first = self.total, (self.values * x).sum(axis=1)
        value = first / np.where(total == 0, np.nan, total)
        spread = [(self.variances * x**power).sum(axis=1) for power in range(3)]
        se = np.sqrt((self.variances * (x - value[:, None]) ** 2).sum(axis=1)) / abs(total)
        a, b, c = total**2 - Z90**2 * spread[0], total * first - Z90**2 * spread[1], first**2 - Z90**2 * spread[2]
        sure = (total > 0) & (a > 0)
        half = np.sqrt(np.maximum(b**2 - a * c, 0))
        low, high = ((b + sign * half) / np.where(sure, a, 1) for sign in (-1, 1))
        least, most = x.min(axis=1), x.max(axis=1)
        return Estimate(value, se, np.where(sure, low, least), np.where(sure, high, most))


@dataclass(frozen=True)
class _Confidence:
    """P(t), the confidence that the quantile of a share lies below t."""

    of: Histogram
    share: float

    @cached_property
    def excess(self) -> Reals:
        """e(t) at the edges."""
        return self._below - self.share * self._below[:, -1:]

    @cached_property
    def variance(self) -> Reals:
        """Of e(t) at the edges."""
        spread = _from_zero(self.of.variances)
        return np.asarray((1 - self.share) ** 2 * spread + self.share**2 * (spread[:, -1:] - spread))

    @cached_property
    def at_edges(self) -> tuple[Reals, Reals]:
        """The running maximum of P(t) at the edges, and the running minimum from above."""
        confidence = below(self.excess / np.sqrt(self.variance))
        return np.maximum.accumulate(confidence, axis=1), np.minimum.accumulate(confidence[:, ::-1], axis=1)[:, ::-1]

    def reaches(self, confidence: float) -> Reals:
        """The first t of this confidence, or the last edge."""
        upper, lower = self.at_edges
        reached = upper + lower >= 2 * confidence
        end = np.where(reached.any(axis=1), np.argmax(reached, axis=1), reached.shape[1] - 1)
        row, bin_ = np.arange(len(end)), np.maximum(end - 1, 0)
        least, most = np.zeros(len(row)), np.where(end > 0, 1.0, 0.0)
        for _ in range(HALVINGS):
            half = (least + most) / 2
            inside = self._inside(row, bin_, half)
            rising = np.maximum(upper[row, bin_], inside) + np.minimum(lower[row, bin_ + 1], inside)
            least, most = (
                np.where(rising >= 2 * confidence, least, half),
                np.where(rising >= 2 * confidence, half, most),
            )
        edges = np.broadcast_to(self.of.edges, upper.shape)
        return np.asarray(edges[row, bin_] + most * (edges[row, bin_ + 1] - edges[row, bin_]))

    def _inside(self, row: Integers, bin_: Integers, part: Reals) -> Reals:
        """P(t) after this part of a bin."""
        own = self.of.variances[row, bin_]
        variance = self.variance[row, bin_] - self.share**2 * own + (part - self.share) ** 2 * own
        return below((self.excess[row, bin_] + part * self.of.values[row, bin_]) / np.sqrt(variance))

    @cached_property
    def _below(self) -> Reals:
        return _from_zero(self.of.values)


def _from_zero(numbers: Reals) -> Reals:
    """Sums up to each edge."""
    return np.pad(numbers.cumsum(axis=1), ((0, 0), (1, 0)))
