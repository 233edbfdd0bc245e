"""What one person may add to a vector: the rule of a level, sums that keep it, the counter that enforces it."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tasks.errors import StepFailed

Integers = npt.NDArray[np.int64]

UNIT = 64
"""Weighted contributions are counted in sixty-fourths, so that sums stay integers."""


def defect(what: str) -> StepFailed:
    """A broken rule of this package: a defect of the caller, named without a value."""
    return StepFailed(f"privacy: {what}.", "Report this defect in Throng; nothing was released.", "privacy.defect")


@dataclass(frozen=True)
class LevelRule:
    """One level as it is charged and drawn: noise sd in persons, squared L2 bound, least value shown (None: all)."""

    name: str
    sigma: Decimal
    bound: int
    threshold: int | None

    def __post_init__(self) -> None:
        if not self.sigma.is_finite() or self.sigma <= 0 or self.bound < 1:
            raise defect(f"level {self.name} needs a positive sigma and bound")


@dataclass(frozen=True, eq=False, repr=False)
class Contributions:
    """Confidential sums over known keys, in 1/unit persons; removing a person moves them by at most sqrt(bound)."""

    level: str
    values: Integers
    bound: int
    unit: int = 1

    def __post_init__(self) -> None:
        if self.values.dtype != np.int64:
            raise defect(f"contributions of {self.level} must be int64: nothing is summed in floating point")
        if self.unit not in (1, UNIT):
            raise defect(f"contributions of {self.level} count in ones or in 1/{UNIT}")
        if np.any(self.values < 0):
            raise defect(f"contributions of {self.level} must not be negative: the charge over two months rests on it")
        own = self.values.copy()
        own.setflags(write=False)
        object.__setattr__(self, "values", own)

    def __repr__(self) -> str:
        return f"<Contributions {self.level}: confidential>"

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: confidential sums never leave the process that made them."""
        raise defect(f"contributions of {self.level} cannot be pickled or copied")


class BoundedCounter:
    """Sums 0/1 contributions over known keys and checks on the way that every person keeps the bound."""

    def __init__(self, level: str, shape: tuple[int, ...], bound: int) -> None:
        self.level, self.shape, self.bound = level, shape, bound
        self._sums = np.zeros(math.prod(shape), dtype=np.int64)
        self._last = -1

    def add(self, person: npt.NDArray[np.uint64], key: Integers) -> None:
        """Count one row a person and flat key: whole persons, ascending within a call and from call to call."""
        if person.shape != key.shape:
            raise defect(f"{self.level} has persons and keys of different length")
        if not person.size:
            return
        self._check_keys(key)
        self._check_bound(self._starts(person), key)
        np.add.at(self._sums, key, 1)
        self._last = int(person[-1])

    def contributions(self) -> Contributions:
        """The sums so far, confidential."""
        return Contributions(self.level, self._sums.reshape(self.shape), self.bound)

    def _check_keys(self, key: Integers) -> None:
        if key.dtype != np.int64 or key.min() < 0 or key.max() >= self._sums.size:
            raise defect(f"{self.level} has a key outside the known keys")

    def _starts(self, person: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Where a new person begins; a person who came in an earlier call could otherwise contribute twice."""
        if int(person[0]) <= self._last or np.any(person[1:] < person[:-1]):
            raise defect(f"persons of {self.level} must come whole and in ascending order")
        return np.concatenate(([True], person[1:] != person[:-1]))

    def _check_bound(self, starts: npt.NDArray[np.bool_], key: Integers) -> None:
        rows = np.diff(np.append(np.flatnonzero(starts), starts.size))
        pairs = np.sort((np.cumsum(starts) - 1) * self._sums.size + key)
        if rows.max() > self.bound or np.any(pairs[1:] == pairs[:-1]):
            raise defect(f"a person of {self.level} has more than {self.bound} keys, or one key twice")
