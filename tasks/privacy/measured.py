"""Noisy values, how sure they are, and how sure their sums are."""

from dataclasses import dataclass

import numpy as np

from tasks.privacy.block_matrix import BlockMatrix
from tasks.privacy.bounds import Integers, Reals


@dataclass(frozen=True, eq=False)
class Errors:
    """How the errors of a level's values hang together after least squares."""

    variances: Reals
    """Of the noise, by key."""
    equations: tuple[tuple[int, Integers], ...]
    """Sign, and each key's equation or -1."""
    gain: BlockMatrix
    """G, over the equations of all levels; zero for inequalities."""

    def gained(self, groups: Integers, weights: Reals, count: int) -> Reals:
        """By how much least squares lowers the variance of each group's weighted sum."""
        if not self.equations:
            return np.zeros(count)
        parts = []
        for sign, equation in self.equations:
            keys = np.flatnonzero((groups >= 0) & (equation >= 0))
            parts.append((groups[keys], equation[keys], sign * (self.variances * weights)[keys]))
        row, column, value = (np.concatenate(each) for each in zip(*parts, strict=True))
        return self.gain.forms(row, column, value, count)


@dataclass(frozen=True)
class Measured:
    """Noisy values and their variances, of one shape."""

    values: Reals
    variances: Reals
    errors: Errors | None = None
    """None: errors are independent."""
    unbiased: Reals | None = None
    """The values before inequalities: sums over releases need them. None: there was no inequality."""

    def sums(self, groups: Integers, weights: Reals | None = None) -> "Measured":
        """Each group's sum and its variance, which after least squares is not the sum of variances.

        `groups`: each key's group in draw order, 0 to G-1, or -1 for none. `weights`: each key's, for a weighted sum.
        """
        flat, factors = groups.ravel(), np.ones(groups.size) if weights is None else weights.ravel()
        count, variances = flat.max(initial=-1) + 1, self.errors.variances if self.errors else self.variances.ravel()
        independent = group_sums(flat, factors**2 * variances, count)
        gained = self.errors.gained(flat, factors, count) if self.errors else 0.0
        return Measured(group_sums(flat, factors * self.values.ravel(), count), np.maximum(independent - gained, 0.0))


def group_sums(groups: Integers, values: Reals, count: int) -> Reals:
    """The sum of each group's values; group -1 is none."""
    sums: Reals = np.bincount(groups + 1, values, count + 1)[1:].astype(np.float64)
    return sums
