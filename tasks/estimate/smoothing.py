"""Less noise in a matrix of counts: zones share few patterns of hours, noise shares none. Post-processing of a release.

Singular values are shrunk by the least expected square of the error (M. Gavish, D. Donoho, IEEE Trans. Inf. Theory 63,
2017). What a zone has beside the common patterns is kept as far as its size leads to expect any. No count moves by more
than its noise: what only one zone has for an hour, as an event, is then not taken for noise (limited translation:
B. Efron, C. Morris, J. Am. Stat. Assoc. 67, 1972).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]
LEAST = 1e-9
"""Less than any part of the values that patterns leave free."""
FILLS = 10
"""Rounds in which values that are missing follow from the others."""


def _beyond(spread: float) -> float:
    """Mean of (|z| - 1) ** 2 among |z| > 1 of a normal z with this standard deviation: what the limit leaves."""
    least = 1 / spread
    tail, density = math.erfc(least / math.sqrt(2)) / 2, math.exp(-(least**2) / 2) / math.sqrt(2 * math.pi)
    return spread**2 * (1 + least**2 - least * density / tail)


_SPREADS = np.linspace(0.1, 1, 91)
_BEYOND = np.array([_beyond(spread) for spread in _SPREADS.tolist()])


def smoothed(values: Reals, variances: Reals, chance: Reals | float = 0.0) -> tuple[Reals, Reals]:
    """Values [place, column] of independent noise, and the variances of what remains; of variance 0: missing.

    `chance` [column]: variance for each person that is stated apart. To lose it is no error.
    """
    known = variances > 0
    if not known.any():
        return values, variances
    found = _smooth(values, variances, chance)
    return found.values, np.where(known, variances, float(variances[known].mean())) * found.spread


def shared_noise(values: Reals, variances: Reals, columns: Ints) -> Reals:
    """[place, column] the covariance of what noise remains with the noise of the mean of these columns."""
    if not (variances > 0).any():
        return np.zeros_like(values)
    found, mean = _smooth(values, variances, 0.0), np.eye(values.shape[1])[columns].mean(axis=0)
    common = found.patterns.follow(mean)
    return np.asarray((common + found.kept * (mean - common)) * (variances @ mean)[:, None])


@dataclass(frozen=True)
class _Patterns:
    """Few patterns of a matrix: orthonormal ones of places and of columns, and how much is kept of each."""

    left: Reals
    size: Reals
    kept: Reals
    right: Reals

    @property
    def values(self) -> Reals:
        """What they explain."""
        return np.asarray((self.left * self.size * self.kept) @ self.right)

    @property
    def lever(self) -> Reals:
        """How much of the noise of each value is in what they explain."""
        row, column = np.square(self.left).sum(axis=1)[:, None], np.square(self.right).sum(axis=0)
        return np.asarray(np.minimum(row + column - row * column, 1))

    def follow(self, column: Reals) -> Reals:
        """[place, column] how what they explain follows noise of the place, this part of it in each column."""
        square, parts = np.square(self.left), self.right @ column
        whole, row = square.sum(axis=1)[:, None], (square @ self.kept)[:, None]
        within = parts @ self.right
        return np.asarray(row * (column - within) + (1 - whole) * ((self.kept * parts) @ self.right) + whole * within)


@dataclass(frozen=True)
class _Smooth:
    """Values [place, column], and the parts of the variances that remain."""

    values: Reals
    spread: Reals
    patterns: _Patterns
    kept: Reals
    """How values follow what is beside the patterns: wholly where the limit holds."""


def _smooth(values: Reals, variances: Reals, chance: Reals | float) -> _Smooth:
    known = variances > 0
    filled, noise = np.where(known, values, 0.0), float(variances[known].mean())
    for _ in range(0 if known.all() else FILLS):
        filled = np.where(known, values, _patterns(filled, noise).values)
    patterns = _patterns(filled, noise)
    common, lever = patterns.values, patterns.lever
    size, rate = _own(common, filled - common, 1 - lever, noise)
    kept = np.where(known, size * rate / (size * rate + noise), 0)
    lost = np.square(1 - kept) * size * np.maximum(rate - chance, 0) / noise
    spread = lever + (1 - lever) * np.where(known, np.square(kept) + lost, size * rate / noise)
    moved, most = (1 - kept) * (common - filled), np.where(known, np.sqrt(variances), np.inf)
    free = abs(moved) < most
    beyond = np.where(free, 0, np.interp((1 - kept) * np.sqrt(1 - lever), _SPREADS, _BEYOND))
    return _Smooth(filled + np.clip(moved, -most, most), spread + beyond, patterns, np.where(free, kept, 1))


def _patterns(values: Reals, noise: float) -> _Patterns:
    """By the least expected square of the error."""
    left, size, right = np.linalg.svd(values / np.sqrt(noise), full_matrices=False)
    long, ratio = max(values.shape), min(values.shape) / max(values.shape)
    square = np.square(size) / long
    some = square > (1 + np.sqrt(ratio)) ** 2
    least = np.sqrt(np.square(square[some] - ratio - 1) - 4 * ratio) * long / size[some]
    return _Patterns(left[:, some], size[some] * np.sqrt(noise), least / size[some], right[some])


def _own(common: Reals, rest: Reals, freedom: Reals, noise: float) -> tuple[Reals, float]:
    """The size [place, 1] of places, and the variance for each person that they have beside patterns; by moments."""
    size = np.maximum(common.mean(axis=1), np.sqrt(noise))
    more = np.square(rest).sum(axis=1) - noise * freedom.sum(axis=1)
    free = max(float((np.square(size) * freedom.sum(axis=1)).sum()), LEAST)
    return size[:, None], max(float((more * size).sum()) / free, 0.0)
