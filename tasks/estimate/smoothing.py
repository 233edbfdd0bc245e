"""Less noise in a matrix of counts: zones share few patterns of hours, noise shares none. Post-processing of a release.

Singular values are shrunk by the least expected square of the error (M. Gavish, D. Donoho, IEEE Trans. Inf. Theory 63,
2017). What a zone has beside the common patterns is kept as far as its size leads to expect any. No count moves by more
than its noise: what only one zone has for an hour, as an event, is then not taken for noise (limited translation:
B. Efron, C. Morris, J. Am. Stat. Assoc. 67, 1972).
"""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
FILLS = 10
"""Rounds in which values that are missing follow from the others."""
BEYOND = 0.475
"""Mean of (|z| - 1) ** 2 among standard normal |z| > 1: what the limit leaves of the noise."""


def smoothed(values: Reals, variances: Reals) -> tuple[Reals, Reals]:
    """Values [place, column] of independent noise, and the variances of what remains; of variance 0: missing."""
    known = variances > 0
    if not known.any():
        return values, variances
    filled, noise = np.where(known, values, 0.0), float(variances[known].mean())
    for _ in range(0 if known.all() else FILLS):
        filled = np.where(known, values, _patterns(filled, noise)[0])
    common, lever = _patterns(filled, noise)
    own = _own(common, filled - common, 1 - lever, noise)
    kept = np.where(known, own / (own + noise), 0)
    spread = lever + (1 - lever) * np.where(known, kept, own / noise)
    moved, most = (1 - kept) * (common - filled), np.where(known, np.sqrt(variances), np.inf)
    spread = np.where(abs(moved) < most, spread, spread + BEYOND * (1 - spread))
    return filled + np.clip(moved, -most, most), np.where(known, variances, noise) * spread


def _patterns(values: Reals, noise: float) -> tuple[Reals, Reals]:
    """What few patterns explain, and how much of the noise of each value is in it (its leverage)."""
    left, size, right = np.linalg.svd(values / np.sqrt(noise), full_matrices=False)
    long, ratio = max(values.shape), min(values.shape) / max(values.shape)
    square = np.square(size) / long
    some = square > (1 + np.sqrt(ratio)) ** 2
    left, right, size, square = left[:, some], right[some], size[some], square[some]
    least = np.sqrt(np.square(square - ratio - 1) - 4 * ratio) * long / size
    row, column = np.square(left).sum(axis=1)[:, None], np.square(right).sum(axis=0)
    return np.sqrt(noise) * (left * least) @ right, row + column - row * column


def _own(common: Reals, rest: Reals, freedom: Reals, noise: float) -> Reals:
    """[place, 1] the variance of what places have beside the patterns, in proportion to their size; by moments."""
    size = np.maximum(common.mean(axis=1), np.sqrt(noise))
    more = np.square(rest).sum(axis=1) - noise * freedom.sum(axis=1)
    return np.asarray(size * max(float((more * size).sum() / (np.square(size) * freedom.sum(axis=1)).sum()), 0.0))[
        :, None
    ]
