"""Counts of stays as estimates: what borders change, and that events miss some of them.

A stay keeps the zone that all its cells decide: unfolding those of one day was not nearer to the truth (ADR 0070).
Over several days a person counts once a zone, so that one stay next door, on any of them, adds the person there. Such
an error comes back each day where somebody lives or works, and is new on each visit. So the number lies between those
of one and of two chances to be counted next door.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.unfold import ShareMatrix, Unfolded, Unfolding

Reals = NDArray[np.float64]
Chances = tuple[Unfolding, Unfolding]
UNSEEN = 0.1
"""Relative standard deviation of stays that events do not show, or show falsely: an assumption."""


def of_a_day(places: Unfolding, values: Reals, variances: Reals) -> Unfolded:
    """Stays [place, column] as they were counted; what unfolding would change is the error of the places."""
    return Unfolded(values, variances, np.square(places(values, variances).values - values) + unseen(values))


def chances(places: Unfolding) -> Chances:
    """By what persons of several days are unfolded: one chance to be counted next door, and two."""
    matrix = places.models[0].dense
    return _of(matrix, places.residents), _of(1 - np.square(1 - matrix), places.residents)


def of_days(by: Chances, values: Reals, variances: Reals) -> Unfolded:
    """Distinct persons of several days [place, column]: the middle of both; half of the difference is their error."""
    (once, twice), gain = (each.solved(values) for each in by), (by[0].inverse + by[1].inverse) / 2
    found = (once + twice) / 2
    return Unfolded(found, np.square(gain) @ variances, np.square((once - twice) / 2) + unseen(found))


def unseen(stays: Reals) -> Reals:
    """The variance of what events miss of stays."""
    return np.asarray(np.square(UNSEEN * stays))


def _of(matrix: Reals, residents: Reals | None) -> Unfolding:
    assigned, true = np.nonzero(matrix)
    model = ShareMatrix(assigned, true, matrix[assigned, true], len(matrix))
    return Unfolding([model], residents=residents)
