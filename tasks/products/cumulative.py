"""Where noisy numbers, added up in an order, reach a share of their total; with a 90 % interval."""

import numpy as np

from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured
from tasks.privacy.normal import below

CONFIDENCE = 0.9
LEAST = 1e-3
"""What lacks less than this, lacks nothing: sums are inexact."""
Reached = tuple[Integers, Integers, Integers]
"""The number of an answer, and the ends of its interval."""


def reached(ordered: Measured, share: float) -> Reached:
    """The first key of each row at which the sum reaches the share: rows x keys, in an order without noise."""
    sums, variances = (np.cumsum(numbers, axis=1) for numbers in (ordered.values, ordered.variances))
    excess = sums - share * sums[:, -1:]
    # errors of the first keys count by 1 - share, those of the others by share
    variance = (1 - 2 * share) * variances + share**2 * variances[:, -1:]
    return likely(rising(excess, variance))


def likely(at_most: Reals, answer: Integers | None = None) -> Reached:
    """The middle of the answers by their probabilities, or the one that is given, and its interval.

    `at_most`: rising probabilities that the answer is at most this one, along the last axis, up to 1.
    The interval takes up the likelier neighbour until half of the next one would exceed 90 % (mid-P: Lancaster 1961).
    So it holds the answer with about 90 % in the mean, and with more where one answer alone is likelier than that.
    """
    each = np.diff(at_most, axis=-1, prepend=0.0)
    each = np.pad(each, [(0, 0)] * (each.ndim - 1) + [(1, 1)], constant_values=-1)
    at: Integers = 1 + (np.argmax(at_most >= 0.5, axis=-1) if answer is None else answer)
    low, high, within = at, at, _at(each, at)
    while True:
        under, over = _at(each, low - 1), _at(each, high + 1)
        more = np.maximum(under, over)
        wider = (more >= 0) & (within + more / 2 < CONFIDENCE)
        if not wider.any():
            return at - 1, low - 1, high - 1
        down = under >= over
        low, high = low - (wider & down), high + (wider & ~down)
        within = within + np.where(wider, more, 0.0)


def rising(excess: Reals, variance: Reals) -> Reals:
    """The probability that each sum reaches its share, which rises along the last axis and ends at 1."""
    reaches = probability(excess, variance)
    reaches[..., -1] = 1.0
    upper = np.maximum.accumulate(reaches, axis=-1)
    lower = np.flip(np.minimum.accumulate(np.flip(reaches, -1), axis=-1), -1)
    return np.asarray((upper + lower) / 2)


def probability(excess: Reals, variance: Reals) -> Reals:
    """The probability that a normal number of this mean and variance is not negative."""
    return below((excess + LEAST) / np.sqrt(np.maximum(variance, (LEAST / 10) ** 2)))


def _at(numbers: Reals, place: Integers) -> Reals:
    """The number at this place of each row."""
    return np.asarray(np.take_along_axis(numbers, place[..., None], axis=-1)[..., 0])
