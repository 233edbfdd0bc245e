"""Least squares over two noisy levels that count the same persons, so that their sums agree; in closed form."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.privacy.bounds import Integers, defect

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hierarchy:
    """Two levels of the same persons: in each group, the keys of both levels have the same sum.

    `first_groups`, `second_groups`: the group of each key in draw order, 0 to G-1, or -1 for none.
    """

    first: str
    second: str
    first_groups: Integers
    second_groups: Integers

    def check(self, first_size: int, second_size: int) -> None:
        """Raise StepFailed unless each key has a group or -1, and each group has keys in both levels."""
        for name, groups, size in (
            (self.first, self.first_groups, first_size),
            (self.second, self.second_groups, second_size),
        ):
            if groups.dtype != np.int64 or groups.shape != (size,) or groups.min(initial=0) < -1:
                raise defect(f"{name} needs one int64 group a key, -1 for none")
        groups = np.union1d(self.first_groups, self.second_groups)
        known = np.arange(groups.max(initial=-1) + 1)
        for name, groups in ((self.first, self.first_groups), (self.second, self.second_groups)):
            if not np.array_equal(np.setdiff1d(groups, [-1]), known):
                raise defect(f"{name} has no key of some group")


@dataclass(frozen=True)
class Measured:
    """Noisy values and their variances, of one shape."""

    values: Reals
    variances: Reals


def make_consistent(
    first: Reals, second: Reals, hierarchy: Hierarchy, first_sd: float, second_sd: float
) -> tuple[Measured, Measured]:
    """The least-squares estimates whose sums agree in every group.

    With r the difference of a group's sums and R = n a^2 + m b^2 (n keys of sd a, m of sd b), the first level moves by
    -a^2 r / R and the second by b^2 r / R; variances become a^2 (1 - a^2 / R) and b^2 (1 - b^2 / R).
    Model: ResidualPlanner, arXiv 2305.08175.
    """
    of_first, of_second = hierarchy.first_groups, hierarchy.second_groups
    a2, b2 = first_sd**2, second_sd**2
    total = a2 * _sums(of_first) + b2 * _sums(of_second)
    share = (_sums(of_first, first.ravel()) - _sums(of_second, second.ravel())) / total
    return _moved(first, of_first, -a2, share, total), _moved(second, of_second, b2, share, total)


def _sums(groups: Integers, values: Reals | None = None) -> Reals:
    """The sum of each group's values; without values, its number of keys."""
    return np.bincount(groups + 1, weights=values)[1:].astype(np.float64)


def _moved(values: Reals, groups: Integers, step: float, share: Reals, total: Reals) -> Measured:
    """A level after its step; keys without a group stay as they are."""
    # index -1 reads the entry that is appended: no step, and nothing gained
    moves, gains = np.append(step * share, 0.0)[groups], np.append(abs(step) / total, 0.0)[groups]
    return Measured(values + moves.reshape(values.shape), (abs(step) * (1 - gains)).reshape(values.shape))
