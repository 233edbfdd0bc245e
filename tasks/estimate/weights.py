"""Weights: how many residents one person of the panel stands for, by home district, age band and gender."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.demographics import AGE_BANDS, GENDERS, Margins
from tasks.estimate.raking import Reals, fit, summed, targets
from tasks.estimate.strata import panel_strata
from tasks.estimate.weight_variance import weight_variance

LARGEST_FACTOR = 3.0
"""By which persons of unknown home, or of a gender that the census does not count, can raise the others at most."""
LEAST = 1e-9
"""Persons, where a panel without noise has nobody."""


@dataclass(frozen=True)
class Weights:
    """Arrays [district, age band, gender] in the order of the panel."""

    weight: Reals
    """Residents for each person of the panel; positive."""
    variance: Reals
    """Of the weight, by the noise of the panel."""
    panel: Reals
    """Persons of the panel, as estimated from the noisy counts; positive."""
    trimmed: int
    """Strata that trimming changed."""
    effective_size: float
    """Persons of an equally weighted panel of the same precision (Kish 1965)."""


def panel_counts(panel: pa.Table, districts: Sequence[str]) -> tuple[Reals, Reals]:
    """A panel (district_id, age_band, gender, value, se) as values and variances [district + 1, age band, gender].

    The last row is of homes that are not among the districts, as `unknown`.
    """
    axes = {"district_id": tuple(districts), "age_band": AGE_BANDS, "gender": GENDERS}
    shape = len(districts) + 1, len(AGE_BANDS), len(GENDERS)
    at = [np.asarray(pc.index_in(panel[key], pa.array(axis, pa.string())).fill_null(-1)) for key, axis in axes.items()]
    cell = np.ravel_multi_index((at[0] % shape[0], at[1], at[2]), shape)
    value, se = (np.asarray(panel[name].fill_null(0.0), np.float64) for name in ("value", "se"))
    size = int(np.prod(shape))
    counts: Reals = np.bincount(cell, value, size).reshape(shape).astype(np.float64)
    return counts, np.bincount(cell, se**2, size).reshape(shape).astype(np.float64)


def weights(panel: pa.Table, margins: Margins, districts: Sequence[str]) -> Weights | None:
    """Weights of a released panel by a census; None if the census counts nobody of these districts."""
    found = targets(margins, districts)
    return rake(*panel_counts(panel, districts), found) if found else None


def rake(panel: Reals, variances: Reals, margins: Sequence[Reals]) -> Weights:
    """Weights of a noisy panel [district + 1, age band, gender], its last row of unknown homes, for `targets`.

    Persons of unknown home, and of a gender that the census does not count, are spread over the others in proportion.
    A count is shrunk towards what district, age and gender lead to expect, by its noise; the margins are met exactly.
    """
    counted = [n for n in range(panel.shape[2]) if all(_counts(margin, n) for margin in margins)]
    counts, noise = _spread(panel, variances, counted)
    part = [margin[:, :, counted] if margin.shape[2] > 1 else margin for margin in margins]
    shape = tuple(np.max([margin.shape for margin in part], axis=0))
    counts, noise = summed(counts, shape), summed(noise, shape)
    strata, errors, trimmed = panel_strata(counts, noise, part)
    held = np.array([[summed(strata, each.shape)[each > 0].sum(), np.nansum(each)] for each in part]).sum(0)
    weight = fit(strata * (held[1] / held[0]), part) / strata
    variance = weight_variance(weight, strata, errors if len(part) == 1 else noise, part)
    return _of_all(panel, variances, strata, weight, variance, counted, trimmed)


def _counts(margin: Reals, gender: int) -> bool:
    """Whether a margin counts persons of a gender, or all genders as one."""
    return margin.shape[2] == 1 or bool(np.nansum(margin[:, :, gender]) > 0)


def _of_all(
    panel: Reals, noise: Reals, strata: Reals, weight: Reals, variance: Reals, counted: list[int], trimmed: int
) -> Weights:
    """Weights of every district, age band and gender; those that are not counted have the mean of the others."""
    shape = (len(panel) - 1, *panel.shape[1:])
    total = strata.sum(2, keepdims=True)
    means = (weight * strata).sum(2, keepdims=True) / total, (variance * strata**2).sum(2, keepdims=True) / total**2
    found = [np.broadcast_to(mean, shape).copy() for mean in means]
    for every, some in zip(found, (weight, variance), strict=True):
        every[:, :, counted] = np.broadcast_to(some, (*shape[:2], len(counted)))
    held = strata if len(counted) == shape[2] else total
    persons = fit(np.maximum(panel[:-1], np.sqrt(noise[:-1]) + LEAST), [held])
    size = float((found[0] * persons).sum() ** 2 / (found[0] ** 2 * persons).sum())
    return Weights(found[0], found[1], persons, trimmed, size)


def _spread(panel: Reals, variances: Reals, counted: list[int]) -> tuple[Reals, Reals]:
    """The panel of known homes and counted genders, raised by the others."""
    others = [n for n in range(panel.shape[2]) if n not in counted]
    counts, noise = panel[:, :, counted], variances[:, :, counted]
    if others:
        by_age = ((0, 2), panel[:, :, others], variances[:, :, others])
        counts, noise = _raised(counts, noise, *by_age)
    return _raised(counts[:-1], noise[:-1], (0,), counts[-1:], noise[-1:])


def _raised(counts: Reals, noise: Reals, axes: tuple[int, ...], more: Reals, more_noise: Reals) -> tuple[Reals, Reals]:
    """Counts with more persons in proportion; both are summed over these axes to know how many they are."""
    base, base_noise = (each.sum(axes, keepdims=True) for each in (counts, noise))
    extra, extra_noise = (each.sum(axes, keepdims=True) for each in (more, more_noise))
    base = np.maximum(base, np.sqrt(base_noise) + LEAST)
    factor = np.clip(1 + extra / base, 1, LARGEST_FACTOR)
    return counts * factor, noise * factor**2 + np.square(counts / base) * extra_noise
