"""What nights teach of the radio network and of homes, on a ring of zones whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.estimate.gains import Gains, fit

Reals = NDArray[np.float64]
ZONES = 40
HOME = np.random.default_rng(1).uniform(500, 3_000, ZONES)
ONE = np.eye(ZONES)
MATRIX = 0.8 * ONE + 0.1 * np.roll(ONE, 1, axis=0) + 0.1 * np.roll(ONE, -1, axis=0)


def learnt(gains: Reals, homes: Reals) -> tuple[Gains, Reals]:
    """From a night without noise, and M as it truly is; everybody is by day where homes are."""
    true = MATRIX * np.exp(gains)[:, None]
    true /= true.sum(axis=0)
    return fit(MATRIX, HOME, HOME, true @ (HOME * np.exp(homes)), np.zeros(ZONES)), true


def apart(found: Reals, true: Reals) -> float:
    return float(np.sqrt(np.mean(np.square(found - true))))


def test_nothing_is_learnt_where_nights_are_as_expected() -> None:
    found, _ = learnt(np.zeros(ZONES), np.zeros(ZONES))
    assert found.matrix == pytest.approx(MATRIX, abs=1e-3)
    assert found.homes == pytest.approx(np.zeros(ZONES), abs=1e-3)


def test_cells_that_are_heard_farther_are_found() -> None:
    found, true = learnt(np.random.default_rng(2).normal(0, 0.5, ZONES), np.zeros(ZONES))
    assert apart(found.matrix, true) < 0.5 * apart(MATRIX, true)
    assert np.abs(found.homes).mean() < 0.03


def test_homes_of_other_shares_in_the_panel_are_not_taken_for_radio() -> None:
    homes = np.random.default_rng(3).normal(0, 0.15, ZONES)
    found, _ = learnt(np.zeros(ZONES), homes)
    assert np.corrcoef(found.homes, homes)[0, 1] > 0.8
    assert apart(found.matrix, MATRIX) < 0.03


def test_stated_variances_are_of_the_size_of_the_errors() -> None:
    rng, radio, homes = np.random.default_rng(4), [], []
    for _ in range(8):
        deviation = rng.normal(0, 0.05, ZONES)
        found, true = learnt(rng.normal(0, 0.3, ZONES), deviation)
        inverse: Reals = np.linalg.inv(found.matrix).astype(np.float64)
        error, stated = inverse @ true @ HOME / HOME - 1, np.square(found.shifts(inverse, HOME)).sum(axis=1)
        radio.append(np.square(error) / stated)
        night = error + deviation - found.homes
        homes.append(np.square(night) / found.together(stated, np.ones((ZONES, 1)))[:, 0])
    assert 0.3 < np.mean(radio) < 2.5
    assert 0.3 < np.mean(homes) < 2.5


def test_noise_teaches_less() -> None:
    gains = np.random.default_rng(5).normal(0, 0.5, ZONES)
    true = MATRIX * np.exp(gains)[:, None]
    night = true / true.sum(axis=0) @ HOME
    sure, unsure = (fit(MATRIX, HOME, HOME, night, np.full(ZONES, noise)) for noise in (0.0, 300.0**2))
    assert apart(unsure.matrix, MATRIX) < apart(sure.matrix, MATRIX)


def test_zones_of_several_blocks_are_fitted() -> None:
    size = 700
    ring = 0.9 * np.eye(size) + 0.1 * np.roll(np.eye(size), 1, axis=0)
    home = np.full(size, 1_000.0)
    night = ring @ home
    night[[10, 650]] *= 1.3
    found = fit(ring, home, home, night, np.full(size, 100.0))
    assert found.homes[[10, 650]].min() > 5 * np.abs(np.delete(found.homes, [10, 650])).max()
