"""The smallest sets of keys that hold shares of a row's total, from noisy numbers: how probable each answer is.

Numbers are sorted by themselves, so noise decides which come first, and the sum of the largest ones is too high.
An error is a few points with weights, without any random number. Sums over sorted points are expected values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured
from tasks.products.cumulative import probability, rising

_SPREAD = np.linspace(1.9, -1.9, 5)
WEIGHTS = np.exp(-(_SPREAD**2) / 2) / np.exp(-(_SPREAD**2) / 2).sum()
POINTS = _SPREAD / np.sqrt(WEIGHTS @ _SPREAD**2)
"""A normal error in standard errors: with these weights, mean 0 and variance 1."""
AT_ONCE = 1 << 20
"""Points that are looked at together."""


def core_probabilities(numbers: Measured, shares: Sequence[float]) -> tuple[Reals, Reals]:
    """Of each row's core of each share: that it has at most 1, 2, ... keys [rows, shares, keys], and holds each key.

    The second one is [rows, keys, shares + 1]: that a key is in the core of this share or a smaller one; then 1.
    Numbers have independent errors: rows x keys.
    """
    rows, keys = numbers.values.shape
    step = max(1, AT_ONCE // (keys * POINTS.size))
    parts = [slice(start, start + step) for start in range(0, rows, step)]
    sorted_ones = [_Sorted(numbers.values[part], numbers.variances[part]) for part in parts]
    made = [(each.sizes(shares), each.members(shares)) for each in sorted_ones]
    sizes, members = (np.concatenate(of_parts) for of_parts in zip(*made, strict=True))
    return sizes, members


@dataclass(frozen=True)
class _Sorted:
    """Points of each number, and the order of all points of a row, the largest first."""

    values: Reals
    variances: Reals

    @cached_property
    def points(self) -> Reals:
        """Rows x keys x points of a key, the largest first."""
        return np.asarray(self.values[..., None] + np.sqrt(self.variances)[..., None] * POINTS)

    @cached_property
    def order(self) -> Integers:
        """The places of a row's points."""
        return np.argsort(-self._flat(self.points), axis=1, kind="stable")

    def sizes(self, shares: Sequence[float]) -> Reals:
        """The sum of the largest numbers exceeds the true one by about as much as one more noise would add to it."""
        largest = np.cumsum(-np.sort(-self.values, axis=1), axis=1)
        weights, of_key = np.broadcast_to(WEIGHTS, self.points.shape), self.variances[..., None]
        twice = (2 * _before(weights) + weights) * weights
        noisier, spread, of_pairs = self._of_largest(weights * self.points, weights * of_key, twice * of_key)
        total, variance = largest[:, -1:], self.variances.sum(axis=1, keepdims=True)
        excess = [2 * largest - noisier - share * total for share in shares]
        variances = [of_pairs - 2 * share * spread + share**2 * variance for share in shares]
        return rising(np.stack(excess, axis=1), np.stack(variances, axis=1))

    def members(self, shares: Sequence[float]) -> Reals:
        """A key is in a core if those above it hold less than the share: summed over the points of the key."""
        first, of_key = WEIGHTS * self.points, (self.values[..., None], self.variances[..., None])
        above, squares, of_means, mixed = (
            self._of_others(each)
            for each in (first, first * self.points, (2 * _before(first) + first) * first, first * of_key[0])
        )
        total, spread = (each.sum(axis=1, keepdims=True) - each for each in of_key)
        held = []
        for share in shares:
            excess = above - share * (total + self.points)
            variance = (1 - 2 * share) * squares + share**2 * spread - of_means + 2 * share * mixed
            held.append(1 - probability(excess, variance) @ WEIGHTS)
        return np.maximum.accumulate(np.stack([*held, np.ones_like(held[0])], axis=-1), axis=-1)

    def _of_largest(self, *weighted: Reals) -> list[Reals]:
        """Sums over the points before which 1, 2, ... keys are expected: rows x keys."""
        rows, keys = self.values.shape
        each_row = (keys + 1.0) * np.arange(rows)[:, None]
        count = np.cumsum(np.take_along_axis(self._flat(np.broadcast_to(WEIGHTS, self.points.shape)), self.order, 1), 1)
        wanted = np.arange(1.0, keys + 1) + each_row
        sums = (np.cumsum(np.take_along_axis(self._flat(each), self.order, axis=1), axis=1) for each in weighted)
        return [np.interp(wanted, (count + each_row).ravel(), each.ravel()) for each in sums]

    def _of_others(self, weighted: Reals) -> Reals:
        """The sum over larger points of other keys, for each point."""
        sums = np.empty((len(self.values), self.order.shape[1]))
        np.put_along_axis(sums, self.order, _before(np.take_along_axis(self._flat(weighted), self.order, 1)), 1)
        return np.asarray(sums.reshape(self.points.shape) - _before(weighted))

    def _flat(self, numbers: Reals) -> Reals:
        return numbers.reshape(len(self.values), -1)


def _before(numbers: Reals) -> Reals:
    """Sums of all before each, along the last axis."""
    return np.asarray(np.cumsum(numbers, axis=-1) - numbers)
