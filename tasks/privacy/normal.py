"""The standard normal distribution, of whole arrays."""

import numpy as np

from tasks.privacy.bounds import Reals

_ERFC = (0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368)
"""Coefficients of erfc, the highest power first."""


def below(standard: Reals) -> Reals:
    """The distribution function, to 1.2e-7 of the smaller tail (Press et al. 1992, Numerical Recipes, erfcc)."""
    x = np.abs(standard) / np.sqrt(2)
    t = 1 / (1 + x / 2)
    tail = t * np.exp(-x * x - 1.26551223 + t * np.polyval(_ERFC, t)) / 2
    return np.asarray(np.where(standard < 0, tail, 1 - tail))
