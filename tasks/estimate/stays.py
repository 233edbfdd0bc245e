"""Counts of stays as estimates: what borders change, and that events miss some of them.

A stay keeps the zone that all its cells decide: unfolding those of one day was not nearer to the truth (ADR 0070).
Over several days a person counts once a zone, so that one stay next door, on any of them, adds the person there. Such
an error comes back each day where somebody lives or works, and is new on each visit. So the number lies between those
of one and of two chances to be counted next door.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.scale import Factors
from tasks.estimate.unfold import ShareMatrix, Unfolded, Unfolding

Reals = NDArray[np.float64]
Chances = tuple[Unfolding, Unfolding]
FALSE = 0.1
"""Least relative standard deviation of stays that are shown falsely, or next door, if it is known how often events show
one: an assumption."""
UNSEEN = 0.2
"""The same if that is not known: at 30 events a phone and day, a quarter of visits is missing."""


def of_a_day(places: Unfolding, values: Reals, variances: Reals) -> Unfolded:
    """Stays [place, column] as they were counted; what unfolding would change is the error of the places."""
    return Unfolded(values, variances, np.square(places(values, variances).values - values))


def chances(places: Unfolding) -> Chances:
    """By what persons of several days are unfolded: one chance to be counted next door, and two."""
    matrix = places.models[0].dense
    return _of(matrix, places.residents), _of(1 - np.square(1 - matrix), places.residents)


def of_days(by: Chances, values: Reals, variances: Reals) -> Unfolded:
    """Distinct persons of several days [place, column]: the middle of both; half of the difference is their error."""
    (once, twice), gain = (each.solved(values) for each in by), (by[0].inverse + by[1].inverse) / 2
    found = (once + twice) / 2
    return Unfolded(found, np.square(gain) @ variances, np.square((once - twice) / 2))


def of_false(seen: bool, lost: Sequence[Reals], apart: int = 0) -> Factors:
    """Of counts by these ends: the error of each by stays shown falsely or next door; not `seen`: also by missed ones.

    `lost` [place]: the part of its stays that plans show next door. `apart`: more errors, of no place.
    """
    least = FALSE if seen else UNSEEN
    first, *second = (np.square(np.maximum(part, least)) for part in lost)
    both = (first[:, None] + second[0])[..., None] if second else first[:, None]
    one = np.ones((1,) * both.ndim)
    return Factors(one, 0 * one, both + apart * least**2)


def _of(matrix: Reals, residents: Reals | None) -> Unfolding:
    assigned, true = np.nonzero(matrix)
    model = ShareMatrix(assigned, true, matrix[assigned, true], len(matrix))
    return Unfolding([model], residents=residents)
