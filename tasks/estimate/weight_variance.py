"""Variance of raked weights by the noise of the panel: the delta method through the equations of raking."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from tasks.estimate.raking import Reals

RIDGE = 1e-11
"""Relative to the largest number of residents in a margin."""


def weight_variance(weight: Reals, panel: Reals, errors: Reals, margins: Sequence[Reals]) -> Reals:
    """Variances [district, age band, gender] of weights; `errors`: variances of the panel's counts.

    log w = Z b and Z' (w n) = margins give db = -(Z' W N Z)^-1 Z' W dn. Source: Deville, Saerndal and Sautory 1993.
    """
    if len(margins) == 1:  # a weight is residents by persons of one stratum, or of the whole panel
        relative = np.where(margins[0] > 0, errors / panel**2, errors.sum() / panel.sum() ** 2)
    else:
        relative = _relative(weight * panel, weight**2 * errors, margins)
    variance: Reals = weight**2 * relative
    return variance


def _relative(people: Reals, noise: Reals, margins: Sequence[Reals]) -> Reals:
    """Relative variances of products of one factor for each margin."""
    first = np.cumsum([0, *(margin.size for margin in margins)])
    keys = [np.broadcast_to(start + np.arange(margin.size).reshape(margin.shape), people.shape).ravel()
            for start, margin in zip(first, margins, strict=False)]  # fmt: skip
    counted = [np.broadcast_to(margin > 0, people.shape).ravel() for margin in margins]
    equations, shared = np.zeros((2, first[-1] ** 2))
    for (one, here), (other, there) in product(zip(keys, counted, strict=True), repeat=2):
        for sums, each in ((equations, people), (shared, noise)):
            sums += np.bincount(one * first[-1] + other, each.ravel() * here * there, sums.size)
    size = (first[-1], first[-1])
    ridge = RIDGE * equations.max() * np.eye(first[-1])  # margins share their total, so one factor is free
    half = np.linalg.solve(equations.reshape(size) + ridge, shared.reshape(size))
    covariance = np.linalg.solve(equations.reshape(size) + ridge, half.T)
    found: Reals = np.sum([covariance[one, other] for one, other in product(keys, repeat=2)], axis=0)
    return np.maximum(found, 0.0).reshape(people.shape)
