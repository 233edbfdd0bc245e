"""Home districts of persons against a matrix between all zones that is built and fitted cell by cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.estimate.homes import AT_HOME, HABITS, MOST, ROUNDS, Habits, origins

DISTRICT = np.array([0, 0, 1, 1, 1], np.int32)


def fitted(persons: np.ndarray, panel: np.ndarray, hour: int, habits: Habits) -> np.ndarray:
    """[zone, home zone]"""
    away = min(habits.away * (1 - AT_HOME[hour]), 0.9)
    own, others = np.diag(panel * (1 - away)), np.zeros((5, 5))
    for zone in range(5):
        for home in range(5):
            near = sum(panel[k] for k in range(5) if DISTRICT[k] == DISTRICT[home])
            habit = away * (1 - habits.near) / panel.sum()
            habit += away * habits.near / near if DISTRICT[zone] == DISTRICT[home] else 0
            others[zone, home] = panel[zone] * panel[home] * habit
    alike = panel * persons.sum() / panel.sum()
    at_home = min((1 - away) * persons.sum(), MOST * np.minimum(persons, alike).sum())
    for _ in range(ROUNDS):
        factor = (persons / (own + others).sum(axis=1))[:, None]
        own, others = own * factor, others * factor
        factor = alike / (own + others).sum(axis=0)
        own, others = own * factor, others * factor
        own *= at_home / own.sum()
    return np.asarray((own + others) * (persons / (own + others).sum(axis=1))[:, None])


@given(st.integers(0, 999), st.integers(0, 23), st.sampled_from(HABITS))
def test_homes_are_those_of_the_fitted_matrix(seed: int, hour: int, habits: Habits) -> None:
    random = np.random.default_rng(seed)
    persons, panel, weight = (random.uniform(5, 500, 5) for _ in range(3))
    slow = fitted(persons, panel, hour, habits)
    found = origins(persons[:, None], panel, DISTRICT, [hour], habits)
    into = np.eye(2)[DISTRICT]
    assert sum(found.by_district(0)) == pytest.approx(slow @ into, rel=1e-6)
    assert sum(found.by_district(0, weight)) == pytest.approx(slow * weight @ into, rel=1e-6)


def test_sums_are_those_of_the_places_and_of_the_homes() -> None:
    persons, panel = np.array([300.0, 80, 90, 200, 130]), np.array([100.0, 200, 150, 150, 200])
    own, others = origins(persons[:, None], panel, DISTRICT, [12]).by_district(0)
    found = own + others
    assert found.sum(axis=1) == pytest.approx(persons, rel=1e-3)
    assert found.sum(axis=0) == pytest.approx([300, 500], rel=1e-3)


def test_at_night_people_are_in_their_home_district() -> None:
    panel = np.array([100.0, 200, 150, 150, 200])
    own, others = origins(panel[:, None], panel, DISTRICT, [3]).by_district(0)
    found = own + others
    assert found[:2, 0].sum() / found[:, 0].sum() > 0.97


def test_those_at_home_by_day_are_older_than_those_elsewhere() -> None:
    panel = np.array([100.0, 200, 150, 150, 200])
    found = origins(panel[:, None], panel, DISTRICT, [12])
    groups = np.full((2, 18), 10.0)
    here, away = found.mixes(0, groups)
    assert here.sum(axis=1) == pytest.approx([1, 1])
    assert away.sum(axis=1) == pytest.approx([1, 1])
    assert here[0, 15] > 1.5 * away[0, 15]
    assert found.own[:, 0].max() < 0.9
