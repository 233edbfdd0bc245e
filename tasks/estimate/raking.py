"""Iterative proportional fitting: counts by district, age band and gender, scaled until they have given margins."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.demographics import AGE_BANDS, GENDERS, MARGIN_KEYS, Margins

Reals = npt.NDArray[np.float64]

ROUNDS, MET = 1_000, 1e-12
"""Fitting ends once every margin is met to this relative difference, or after this many rounds."""


def targets(margins: Margins, districts: Sequence[str]) -> tuple[Reals, ...]:
    """Each margin as an array [district, age band, gender], of length 1 along what it sums over; NaN: not counted.

    A margin that another one refines is left out; all are scaled to the total of the finest.
    """
    filled = np.array([np.asarray(pc.is_valid(margins.table[key])) for key in MARGIN_KEYS]).T
    patterns = sorted({tuple(row) for row in filled.tolist()}, key=lambda pattern: (-sum(pattern), pattern))
    finest = [one for one in patterns if not any(_refines(other, one) for other in patterns)]
    found = [_target(margins.table.filter(pa.array(np.all(filled == one, axis=1))), one, districts) for one in finest]
    counted = [each for each in found if np.nansum(each) > 0]
    return tuple(each * (np.nansum(counted[0]) / np.nansum(each)) for each in counted)


def _refines(other: tuple[bool, ...], one: tuple[bool, ...]) -> bool:
    return other != one and all(theirs >= own for theirs, own in zip(other, one, strict=True))


def _target(rows: pa.Table, has: tuple[bool, ...], districts: Sequence[str]) -> Reals:
    names = (tuple(districts), AGE_BANDS, GENDERS)
    shape = [len(axis) if there else 1 for axis, there in zip(names, has, strict=True)]
    at = [
        np.asarray(pc.index_in(rows[key], pa.array(axis, pa.string())).fill_null(-1))
        if there
        else np.zeros(len(rows), int)
        for key, axis, there in zip(MARGIN_KEYS, names, has, strict=True)
    ]
    known = np.min(at, axis=0) >= 0
    found = np.full(shape, np.nan)
    found[tuple(index[known] for index in at)] = np.asarray(rows["residents"])[known]
    return found


def fit(start: Reals, margins: Sequence[Reals]) -> Reals:
    """The counts, all positive, scaled to margins of equal totals; NaN and zero in a margin leave counts as they are.

    Source: Deming and Stephan 1940.
    """
    made = start.copy()
    for _ in range(ROUNDS):
        off = 0.0
        for margin in margins:
            factor = np.where(margin > 0, margin / summed(made, margin.shape), 1.0)
            made *= factor
            off = max(off, float(np.abs(factor - 1).max()))
        if off <= MET:
            break
    return made


def summed(counts: Reals, shape: Sequence[int]) -> Reals:
    """The counts summed over the axes along which a margin has length 1."""
    axes = tuple(n for n, length in enumerate(shape) if length == 1)
    total: Reals = counts.sum(axes, keepdims=True)
    return total
