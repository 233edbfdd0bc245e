"""Derivatives of counts against differences of counts, and covariances against slow sums."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.estimate.heard import APART, WIDE, Heard

Reals = NDArray[np.float64]
ZONES = 7
RANDOM = np.random.default_rng(8)
MATRIX = 0.7 * np.eye(ZONES) + 0.25 * (
    shares := RANDOM.random((ZONES, ZONES)) * (RANDOM.random((ZONES, ZONES)) < 0.5)
) / (shares.sum(axis=0) + 1e-9)
PATTERN = (RANDOM.normal(size=(ZONES, ZONES)) * (MATRIX > 0)).astype(np.float16)
ONE, OTHER = RANDOM.uniform(50, 900, (2, ZONES))


def counts(e: Reals, persons: Reals) -> Reals:
    sent = MATRIX * np.exp(e)
    return np.asarray(sent / (1 + (sent - MATRIX).sum(axis=0)) @ persons)


def slopes(persons: Reals) -> Reals:
    """[assigned zone, e of assigned and true zone]"""
    found, small = [], 1e-6
    for place in range(ZONES**2):
        e = np.zeros(ZONES**2)
        e[place] = small
        found.append((counts(e.reshape(ZONES, ZONES), persons) - MATRIX @ persons) / small)
    return np.array(found).T


@pytest.mark.parametrize("rows", [slice(0, ZONES), slice(2, 5)])
def test_covariances_are_those_of_the_slopes(rows: slice) -> None:
    one, other = (slopes(persons) for persons in (ONE, OTHER))
    alike = [each.reshape(ZONES, ZONES, ZONES).sum(axis=2) for each in (one, other)]
    slow = (1 - APART) * alike[0] @ alike[1].T + APART * one @ other.T
    part = Heard(MATRIX, rows)
    found = part.covariance(part.moved(ONE), part.moved(OTHER))
    assert found == pytest.approx(slow[rows, rows], rel=1e-3, abs=0.1)


def test_persons_of_other_places_have_their_own_part_again() -> None:
    part, one = Heard(MATRIX, slice(2, 5)), slopes(ONE)
    found = part.covariance(part.moved(ONE), part.moved(ONE), ONE) - part.covariance(part.moved(ONE), part.moved(ONE))
    assert found == pytest.approx((APART * one @ one.T)[2:5, 2:5], rel=1e-3, abs=0.1)


def test_what_is_expected_of_e_is_its_covariance_with_the_counts() -> None:
    part, weight, radio = Heard(MATRIX, slice(0, ZONES), [PATTERN]), RANDOM.normal(size=ZONES), 0.5
    slope = (slopes(ONE).T @ weight).reshape(ZONES, ZONES)
    slow = (
        radio**2 * (APART * slope + (1 - APART) * slope.sum(axis=1)[:, None])
        + WIDE**2 * (slope * PATTERN).sum() * PATTERN
    )
    assert part.expected(part.moved(ONE), weight, radio) == pytest.approx(slow * (MATRIX > 0), rel=1e-3, abs=0.1)


@pytest.mark.parametrize("rows", [slice(0, ZONES), slice(2, 5)])
def test_a_pattern_moves_counts_as_its_slope_says(rows: slice) -> None:
    slow = WIDE * slopes(ONE) @ PATTERN.ravel()
    assert Heard(MATRIX, rows, [PATTERN]).moved(ONE).wide[:, 0] == pytest.approx(slow[rows], rel=1e-3, abs=0.1)
