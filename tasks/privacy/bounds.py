"""What one person may add to a vector: the rule of a level, sums that keep it, the counter that enforces it."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tasks.errors import StepFailed

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

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


def check_chosen(level: str, keys: Integers, size: int | None = None) -> Integers:
    """The chosen flat keys of a sparse level of `size` keys; raises StepFailed unless they ascend within it."""
    if keys.dtype != np.int64 or keys.ndim != 1 or np.any(keys[1:] <= keys[:-1]) or keys[:1].min(initial=0) < 0:
        raise defect(f"chosen keys of {level} must be int64, ascending and not negative")
    if size is not None and keys[-1:].max(initial=-1) >= size:
        raise defect(f"a chosen key of {level} is outside the known keys")
    return keys


@dataclass(frozen=True, eq=False, repr=False)
class Contributions:
    """Confidential sums over known keys, in 1/unit persons; removing a person moves them by at most sqrt(bound)."""

    level: str
    values: Integers
    bound: int
    unit: int = 1
    chosen: Integers | None = None
    """Flat keys whose sums these are, ascending; None: all keys."""

    def __post_init__(self) -> None:
        if self.chosen is not None and self.values.shape != check_chosen(self.level, self.chosen).shape:
            raise defect(f"contributions of {self.level} must be one sum for each chosen key")
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


class _Counter:
    """Sums over known keys, of persons who come whole and in ascending order, within a call and from call to call.

    Of a sparse level only the chosen keys are summed; bounds and weights rest on all that a person did.
    """

    unit = 1

    def __init__(self, level: str, shape: tuple[int, ...], bound: int, chosen: Integers | None = None) -> None:
        self.level, self.shape, self.bound, self.size = level, shape, bound, math.prod(shape)
        self._chosen = None if chosen is None else check_chosen(level, chosen, self.size)
        self._sums = np.zeros(self.size if chosen is None else chosen.size, dtype=np.int64)
        self._last = -1

    def contributions(self) -> Contributions:
        """The sums so far, confidential."""
        values = self._sums.reshape(self.shape) if self._chosen is None else self._sums
        return Contributions(self.level, values, self.bound, self.unit, self._chosen)

    def _sum(self, key: Integers, counts: Integers) -> None:
        """Add counts of flat keys; those of keys that were not chosen are left out."""
        if self._chosen is not None:
            place = np.searchsorted(self._chosen, key)
            there = np.append(self._chosen, -1)[place] == key
            key, counts = place[there], counts[there]
        np.add.at(self._sums, key, counts)

    def _pairs(self, person: npt.NDArray[np.uint64], key: Integers) -> Integers:
        """Each row's person and key as one integer: the person's number in this call * keys + key."""
        if person.shape != key.shape or person.dtype.kind not in "iu":
            raise defect(f"{self.level} has persons and keys of different length, or persons that are no integers")
        if key.dtype != np.int64 or key.min(initial=0) < 0 or key.max(initial=-1) >= self.size:
            raise defect(f"{self.level} has a key outside the known keys")
        # a person who came in an earlier call could otherwise contribute twice
        if person.size and (int(person[0]) <= self._last or np.any(person[1:] < person[:-1])):
            raise defect(f"persons of {self.level} must come whole and in ascending order")
        self._last = int(person[-1]) if person.size else self._last
        if person.size * self.size >= 2**63:
            raise defect(f"{self.level} has too many keys for this many rows in a call")
        first = np.zeros(min(person.size, 1), np.int64)
        number: Integers = np.cumsum(np.concatenate((first, person[1:] != person[:-1])))
        return number * self.size + key


class BoundedCounter(_Counter):
    """Counts a person once a key, and checks on the way that every person keeps the bound."""

    def add(self, person: npt.NDArray[np.uint64], key: Integers) -> None:
        """Count one row a person and flat key."""
        pairs = np.sort(self._pairs(person, key))
        rows = np.bincount(pairs // max(self.size, 1))
        if rows.max(initial=0) > self.bound or np.any(pairs[1:] == pairs[:-1]):
            raise defect(f"a person of {self.level} has more than {self.bound} keys, or one key twice")
        self._sum(key, np.ones(key.size, np.int64))


class WeightedCounter(_Counter):
    """Counts all that a person did, in 1/64, weighted so that any person keeps the bound.

    With counts n_c by key and s = sum n_c^2, a person contributes n_c * min(64, isqrt(64^2 bound // s)).
    """

    unit = UNIT

    def add(self, person: npt.NDArray[np.uint64], key: Integers, times: Integers | None = None) -> None:
        """Count rows of a person and flat key, each once, or its number of `times`; a key that repeats adds up."""
        pairs, row = np.unique(self._pairs(person, key), return_inverse=True)
        times = np.ones(key.shape, np.int64) if times is None else times
        if times.dtype != np.int64 or times.shape != key.shape or np.any((times < 0) | (times >> 31 > 0)):
            raise defect(f"{self.level} counts something a negative number of times, or 2^31 times or more")
        counts, (number, place) = np.zeros(pairs.size, np.int64), np.divmod(pairs, max(self.size, 1))
        np.add.at(counts, row, times)
        self._sum(place, counts * self._weights(number, counts)[number])

    def _weights(self, number: Integers, counts: Integers) -> Integers:
        """Each person's weight; nothing remains of a count so large that its square alone breaks the bound."""
        most = UNIT**2 * self.bound
        if (math.isqrt(most) + 1) ** 2 * counts.size >= 2**63:  # a sum of squares could turn negative
            raise defect(f"{self.level} has a bound too large for this many rows in a call")
        squares = np.zeros(number.max(initial=-1) + 1, np.int64)
        np.add.at(squares, number, np.minimum(counts, math.isqrt(most) + 1) ** 2)
        # up to 64^2 the floating root is exact, and 64 is the largest weight
        weights: Integers = np.sqrt(np.minimum(most // np.maximum(squares, 1), UNIT**2)).astype(np.int64)
        return weights
