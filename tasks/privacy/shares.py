"""Each value's part of a total, with its standard error: from noisy values, also those that are withheld later."""

import numpy as np

from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured

LEAST_TOTAL = 20
"""A total below this, or below three standard errors, has no shares: the delta method would not hold."""


def shares(measured: Measured, groups: Integers) -> tuple[Reals, Reals]:
    """Share of each value in its group's sum, and its standard error; NaN where the sum is too small.

    Delta method over independent noise: with s = v / T, the variance is ((1 - 2 s) var(v) + s^2 var(T)) / T^2.
    """
    values, variances = measured.values, measured.variances
    totals, of_total = (np.bincount(groups, each)[groups] for each in (values, variances))
    total = np.where(totals >= np.maximum(LEAST_TOTAL, 3 * np.sqrt(of_total)), totals, np.nan)
    share = values / total
    return share, np.sqrt((1 - 2 * share) * variances + share**2 * of_total) / total
