"""Counts of stays as estimates: what borders change, and that events miss some of them.

A stay keeps the zone that all its cells decide: unfolding those of one day was not nearer to the truth (ADR 0070).
Over several days a person counts once a zone, so that one stay next door, on any of them, adds the person there. Such
an error comes back each day where somebody lives or works, and is new on each visit. So the number lies between those
of one and of two chances to be counted next door.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.scale import Factors
from tasks.estimate.unfold import ShareMatrix, Unfolded, Unfolding

Reals = NDArray[np.float64]
FALSE = 0.1
"""Relative standard deviation of stays that are shown falsely, or next door, if it is known how often events show one:
an assumption."""
UNSEEN = 0.2
"""The same if that is not known: at 30 events a phone and day, a quarter of visits is missing."""


def of_a_day(places: Unfolding, values: Reals, variances: Reals) -> Unfolded:
    """Stays [place, column] as they were counted; what unfolding would change is the error of the places."""
    return Unfolded(values, variances, np.square(places(values, variances).values - values))


def chances(places: Unfolding) -> tuple[Reals, Reals]:
    """By what persons of several days are unfolded: the middle of one and two chances, and half of the difference."""
    matrix = places.models[0].dense
    once, twice = (_of(shares, places.residents).inverse for shares in (matrix, 1 - np.square(1 - matrix)))
    return (once + twice) / 2, (once - twice) / 2


def of_days(by: tuple[Reals, Reals], values: Reals, variances: Reals) -> Unfolded:
    """Distinct persons of several days [place, column], by `chances`."""
    middle, apart = by
    found = middle @ values
    return Unfolded(found, np.square(middle) @ variances, np.square(apart @ values))


def of_false(seen: bool, places: int, ends: int) -> Factors:
    """Of counts by this number of places: the error of each end by false stays; not `seen`: also by missed ones."""
    one = np.ones((1,) * (places + 1))
    return Factors(one, 0 * one, ends * (FALSE if seen else UNSEEN) ** 2 * one)


def _of(matrix: Reals, residents: Reals | None) -> Unfolding:
    assigned, true = np.nonzero(matrix)
    model = ShareMatrix(assigned, true, matrix[assigned, true], len(matrix))
    return Unfolding([model], residents=residents)
