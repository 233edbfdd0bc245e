"""What nights teach of the radio network and of homes, on a ring of zones whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.estimate.gains import Gains, Together, fit
from tasks.estimate.nights import Night

Reals = NDArray[np.float64]
ZONES = 40
HOME = np.random.default_rng(1).uniform(500, 3_000, ZONES)
ONE = np.eye(ZONES)
MATRIX = 0.8 * ONE + 0.1 * np.roll(ONE, 1, axis=0) + 0.1 * np.roll(ONE, -1, axis=0)


NOISE = 30.0
NONE = np.zeros(ZONES, np.int64)
"""Districts: all zones are in one."""


def night(counted: Reals, noise: float = 0.0, sums: Reals | None = None, day: Reals = HOME) -> Night:
    return Night(counted, np.full(len(counted), noise), HOME, day, NONE, sums)


def heard(gains: Reals) -> Reals:
    """M as it truly is, of cells that are heard farther."""
    true = MATRIX * np.exp(gains)[:, None]
    return np.asarray(true / true.sum(axis=0))


def learnt(gains: Reals, homes: Reals, sums: Reals | None = None) -> tuple[Gains, Reals]:
    """From a night without noise, and M as it truly is; everybody is by day where homes are."""
    true = heard(gains)
    return fit(MATRIX, night(true @ (HOME * np.exp(homes)), sums=sums)), true


def together(found: Gains, inverse: Reals, share: float, shared: float = 0.0) -> Together:
    """Of one hour: residents are this share of those who are there."""
    return found.together(inverse, HOME[:, None], np.full((ZONES, 1), share), np.full((ZONES, 1), shared))


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


def test_a_network_that_is_heard_wider_everywhere_is_found() -> None:
    """Each of many cells alone shows too little of it: what is common to all is one unknown."""
    wider = np.log(0.15 / 0.1) * (MATRIX == 0.1)
    true = MATRIX * np.exp(wider)
    true /= true.sum(axis=0)
    noise = np.random.default_rng(9).normal(0, NOISE, ZONES)
    counted = night(true @ HOME + noise, NOISE**2)
    alone, together = fit(MATRIX, counted), fit(MATRIX, counted, [(wider / 2).astype(np.float16)])
    assert apart(together.matrix, true) < 0.5 * apart(alone.matrix, true)


def test_homes_of_other_shares_in_the_panel_are_not_taken_for_radio() -> None:
    homes = np.random.default_rng(3).normal(0, 0.15, ZONES)
    found, _ = learnt(np.zeros(ZONES), homes)
    assert np.corrcoef(found.homes, homes)[0, 1] > 0.75
    assert apart(found.matrix, MATRIX) < 0.03


def test_stated_variances_are_of_the_size_of_the_errors() -> None:
    rng, radio, people = np.random.default_rng(4), [], []
    for _ in range(8):
        deviation = rng.normal(0, 0.05, ZONES)
        true, there = heard(rng.normal(0, 0.3, ZONES)), HOME * np.exp(deviation)
        chance = (true * (1 - true)) @ there
        found = fit(MATRIX, night(true @ there + rng.normal(0, np.sqrt(chance + NOISE**2)), NOISE**2))
        inverse: Reals = np.linalg.inv(found.matrix).astype(np.float64)
        error, stated = inverse @ true @ HOME / HOME - 1, np.square(found.shifts(inverse, HOME)).sum(axis=1)
        radio.append(np.square(error) / stated)
        both = together(found, inverse, 1.0).places[:, 0]
        people.append(np.square(error + deviation - found.homes) / both)
    assert 0.3 < np.mean(radio) < 2.5
    assert 0.3 < np.mean(people) < 2.5


def test_places_and_homes_are_wrong_together() -> None:
    """A zone that is unfolded too high seems to have too many residents in the panel: people are right again."""
    rng = np.random.default_rng(6)
    found, _ = learnt(rng.normal(0, 0.5, ZONES), rng.normal(0, 0.2, ZONES))
    inverse: Reals = np.linalg.inv(found.matrix).astype(np.float64)
    elsewhere, at_home = (together(found, inverse, share).places for share in (0.0, 1.0))
    shifts = np.square(found.shifts(inverse, HOME)).sum(axis=1)
    assert (elsewhere[:, 0] > shifts).all()
    assert elsewhere.mean() < 10 * shifts.mean()
    assert at_home.mean() < 0.5 * shifts.mean()


def test_noise_of_a_night_cancels() -> None:
    """The same noise is in counts, in places and in homes. Independent, they would state three times as much."""
    rng, errors, stated, independent = np.random.default_rng(7), [], [], []
    for _ in range(30):
        deviation = rng.normal(0, 0.15, ZONES)
        there = HOME * np.exp(deviation)
        counted = heard(rng.normal(0, 0.2, ZONES)) @ there + rng.normal(0, 3 * NOISE, ZONES)
        found = fit(MATRIX, night(counted, 9 * NOISE**2))
        inverse: Reals = np.linalg.inv(found.matrix).astype(np.float64)
        persons, noise = inverse @ counted, np.square(inverse) @ np.full(ZONES, 9 * NOISE**2)
        errors.append(np.square(persons * np.exp(-found.homes) / HOME - 1))
        both = together(found, inverse, 1.0, 9 * NOISE**2)
        stated.append(np.sum(both.parts(noise[:, None], HOME[:, None]), axis=0)[:, 0] / HOME**2)
        independent.append(noise / HOME**2 + both.places[:, 0])
    assert 0.5 < np.mean(errors) / np.mean(stated) < 1.5
    assert np.mean(independent) > 2 * np.mean(stated)


def test_no_more_cancels_than_there_is() -> None:
    counted, size = np.array([[16.0, 16.0, 16.0]]), np.full((1, 3), 10.0)
    parts = Together(np.array([[0.04, 0.04, 0.0]]), np.array([[9.0, 0.04, 9.0]])).parts(counted, size)
    assert np.sum(parts, axis=0)[0] == pytest.approx([4.0, 16.0, 16.0])
    assert np.min(parts) >= 0


def test_phones_at_rest_are_counted_alike() -> None:
    found, _ = learnt(np.zeros(ZONES), np.zeros(ZONES))
    alike = found.counted_alike(HOME[:, None])
    assert alike[:, 0] == pytest.approx((MATRIX * (1 - MATRIX)) @ HOME, rel=1e-2)


def test_the_panel_of_a_district_is_not_learned_from_a_night() -> None:
    homes = np.full(ZONES, 0.1)
    homes[:20] = -0.1
    found, _ = learnt(np.zeros(ZONES), homes, sums=np.array([1e-8]))
    assert HOME @ found.homes / HOME.sum() == pytest.approx(0, abs=1e-4)
    assert np.corrcoef(found.homes, homes)[0, 1] > 0.9


def test_who_is_away_at_night_is_where_more_work_than_live() -> None:
    work = np.zeros(ZONES)
    work[::8] = HOME.sum() / 5
    away = np.maximum(work - 0.5 * HOME, 0)
    there = 0.95 * HOME + away * 0.05 * HOME.sum() / away.sum()
    plain = fit(MATRIX, night(MATRIX @ there, day=HOME))
    told = fit(MATRIX, night(MATRIX @ there, day=work))
    assert abs(told.homes).max() < 0.05
    assert plain.homes[::8].min() > 2 * abs(told.homes).max()


def test_noise_teaches_less() -> None:
    gains = np.random.default_rng(5).normal(0, 0.5, ZONES)
    true = MATRIX * np.exp(gains)[:, None]
    counted = true / true.sum(axis=0) @ HOME
    sure, unsure = (fit(MATRIX, night(counted, noise)) for noise in (0.0, 300.0**2))
    assert apart(unsure.matrix, MATRIX) < apart(sure.matrix, MATRIX)


@pytest.mark.parametrize("counted", [-60.0, 0.0, 60.0])
def test_noise_where_hardly_anybody_lives_teaches_nothing(counted: float) -> None:
    home = HOME.copy()
    home[5] = 3
    there = MATRIX @ home
    there[5] += counted
    found = fit(MATRIX, Night(there, np.full(ZONES, 60.0**2), home, home, NONE, None))
    assert abs(np.delete(found.homes, 5)).max() < 0.02
    assert abs(found.homes[5]) < 0.3
    assert apart(found.matrix, MATRIX) < 0.01


def test_zones_of_several_blocks_are_fitted() -> None:
    size = 700
    ring = 0.9 * np.eye(size) + 0.1 * np.roll(np.eye(size), 1, axis=0)
    home = np.full(size, 1_000.0)
    counted = ring @ home
    counted[[10, 650]] *= 1.3
    districts = np.arange(size) // 200  # the second one is of two blocks
    found = fit(ring, Night(counted, np.full(size, 100.0), home, home, districts, np.full(4, 1e-6)))
    assert abs(found.homes[:200].mean()) < 1e-3
    assert abs(found.homes[200:400].mean()) < 0.02
    assert found.homes[[10, 650]].min() > 3 * np.abs(np.delete(found.homes, [10, 650])).max()
