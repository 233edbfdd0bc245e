"""Where noisy numbers, added up in an order, reach a share of their total; with an interval from their variances."""

from dataclasses import dataclass

import numpy as np

from tasks.privacy.bounds import Integers, Reals
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import Z90

Reached = tuple[Integers, Integers, Integers]
"""A key of each row, and the ends of its interval."""


@dataclass(frozen=True)
class Cumulative:
    """Sums of the first keys of each row, in the row's order: rows x keys, of independent errors."""

    sums: Reals
    variances: Reals

    @classmethod
    def of(cls, measured: Measured, order: Integers) -> "Cumulative":
        """The sums of each row's keys in this order: rows x keys."""
        values, variances = (np.take_along_axis(each, order, axis=1) for each in (measured.values, measured.variances))
        return cls(np.cumsum(values, axis=1), np.cumsum(variances, axis=1))

    @property
    def total(self) -> Measured:
        """The sum of each row."""
        return Measured(self.sums[:, -1], self.variances[:, -1])

    def above(self, share: float) -> Measured:
        """By how much the first keys exceed this share of the total: rows x keys.

        The variance is (1 - share)^2 times that of the first keys, plus share^2 times that of the others.
        """
        total = self.total
        return Measured(
            self.sums - share * total.values[:, None],
            (1 - 2 * share) * self.variances + share**2 * total.variances[:, None],
        )

    def reached(self, share: float) -> Reached:
        """The first key of each row at which the sum reaches the share, and the ends of its 90 % interval.

        Sums are made monotone first, by isotonic regression.
        """
        above = self.above(share)
        margin = Z90 * np.sqrt(above.variances)
        at, low, high = (_first_positive(above.values + shift) for shift in (0.0, margin, -margin))
        return at, low, high


def _first_positive(values: Reals) -> Integers:
    """The first key of each row whose isotonic regression is not negative; the last key if there is none.

    It begins where the sum of all values before it is least (Robertson, Wright and Dykstra 1988, section 1.4).
    """
    before = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    first: Integers = np.argmin(before, axis=1)
    last: Integers = np.minimum(first, values.shape[1] - 1)
    return last
