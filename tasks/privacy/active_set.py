"""Least squares under inequalities: which of them hold as equations."""

import numpy as np

from tasks.privacy.block_matrix import SINGULAR, Mask
from tasks.privacy.bounds import Reals

TOLERANCE = 1e-9


def multipliers(matrix: Reals, residuals: Reals, at_least: Mask) -> Reals:
    """The multipliers m of the projection x - V C'm of x on {Cx = 0, and Cx >= 0 where `at_least`}.

    `matrix`: C V C'; `residuals`: Cx. By Lawson and Hanson (1974, chapter 23), with equations that always hold.
    """
    used, dependent = ~at_least, np.zeros(at_least.size, np.bool_)
    found = _solved(matrix, residuals, used)
    limit = TOLERANCE * (np.sqrt(np.diag(matrix)) + np.abs(residuals).max(initial=0))
    while True:
        slack = np.where(used | dependent, np.inf, residuals - matrix @ found + limit)
        worst = int(np.argmin(slack))
        if slack[worst] >= 0:
            return found
        used[worst] = True
        if _solved(matrix, residuals, used)[worst] < 0:
            found = _inner(matrix, residuals, used, at_least, found)
        else:  # it follows from those in use, but for rounding
            used[worst], dependent[worst] = False, True


def _inner(matrix: Reals, residuals: Reals, used: Mask, at_least: Mask, found: Reals) -> Reals:
    """The multipliers over the used rows, after rows with a multiplier of the wrong sign left `used`."""
    while True:
        trial = _solved(matrix, residuals, used)
        wrong = used & at_least & (trial > 0)
        if not wrong.any():
            return trial
        steps = found[wrong] / (found[wrong] - trial[wrong])
        found = found + steps.min() * (trial - found)
        used[np.flatnonzero(wrong)[steps == steps.min()]] = False
        found[~used] = 0.0


def _solved(matrix: Reals, residuals: Reals, used: Mask) -> Reals:
    """The multipliers if exactly the used rows are equations."""
    result, part = np.zeros(residuals.size), matrix[np.ix_(used, used)]
    diagonal = np.diag(part)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
    inverse = np.linalg.pinv(part * np.outer(scale, scale), rcond=SINGULAR, hermitian=True)
    result[used] = scale * (inverse @ (scale * residuals[used]))
    return result
