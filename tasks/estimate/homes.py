"""From which home districts the persons in each zone come at an hour: maximum entropy under the known sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]

_PERCENT = (95, 95, 95, 95, 95, 93, 86, 72, 58, 52, 50, 50, 52, 52, 52, 55, 60, 66, 72, 77, 82, 87, 91, 94)
AT_HOME = np.array(_PERCENT) / 100
"""Share of people at home by local hour: an assumption, of the shape that time use surveys show; from no table."""
AWAY_BY_AGE = np.array([1.15, 1.2, 1.2, 1.2, 0.85, 0.45])
"""By age band, how much of the day is spent elsewhere beside the mean: an assumption too."""
ROUNDS = 50
MOST = 0.98
"""Of those who can be at home, as persons there and residents limit them."""


@dataclass(frozen=True)
class Habits:
    """Where people are before anything is counted: share at home, and the part of the others near home."""

    away: float = 1.0
    """Factor on the share of people who are not at home."""
    near: float = 0.5
    """Part of them in the home district; the others are anywhere."""
    ages: float = 1.0
    """Power of what age bands differ in it."""


HABITS = (
    *(Habits(), Habits(away=0.6), Habits(away=1.5), Habits(near=0.2), Habits(near=0.8)),
    *(Habits(ages=0), Habits(ages=1.8)),
)
"""The first is used; the others show how much it matters."""


@dataclass(frozen=True)
class Origins:
    """Persons by zone, home zone and hour: row factor x column factor x panel x habit. The matrix is never built."""

    persons: Reals
    """[zone, hour] there."""
    panel: Reals
    """[home zone]"""
    district: Ints
    home: Reals
    """[hour] what a habit gives to the home, to the home district, and to all zones."""
    near: Reals
    far: Reals
    row: Reals
    """[zone, hour]"""
    column: Reals
    """[home zone, hour]"""
    ages: float

    @cached_property
    def _at_home(self) -> Reals:
        """[zone, hour] persons."""
        return np.asarray(self.panel[:, None] * self.row * self.column * self.home)

    @property
    def own(self) -> Reals:
        """[zone, hour] share of those at home among the persons there."""
        return self._at_home / self.persons

    @property
    def staying(self) -> Reals:
        """[home zone, hour] share of those at home among the residents."""
        residents = self.panel[:, None] * (self.persons.sum(axis=0) / self.panel.sum())
        return np.asarray(np.minimum(self._at_home / residents, 1))

    def mixes(self, hour: int, panel: Reals) -> tuple[Reals, Reals]:
        """[home district, group] groups among those at home and among the others; `panel` by age band and gender."""
        ages = np.repeat(AWAY_BY_AGE**self.ages, panel.shape[1] // len(AWAY_BY_AGE))
        mean = (panel @ ages / panel.sum(axis=1))[:, None]
        away = np.clip((self.near + self.far)[hour] * ages / mean, 0.01, 0.95)
        parts = panel * (1 - away), panel * away
        return parts[0] / parts[0].sum(axis=1, keepdims=True), parts[1] / parts[1].sum(axis=1, keepdims=True)

    def by_district(self, hour: int, weight: Reals | None = None) -> tuple[Reals, Reals]:
        """[zone, home district] persons at an hour, at home and elsewhere; `weight` [home zone] weights them."""
        column = self.column[:, hour] if weight is None else self.column[:, hour] * weight
        size, sent = (np.bincount(self.district, part) for part in (self.panel, column * self.panel))
        here, every = self.row[:, hour] * self.panel, np.arange(len(self.panel))
        others = np.outer(here, sent * self.far[hour] / self.panel.sum())
        others[every, self.district] += here * (sent / size)[self.district] * self.near[hour]
        own = np.zeros_like(others)
        own[every, self.district] = here * column * self.home[hour]
        return own, others


def origins(persons: Reals, panel: Reals, district: Ints, hours: Sequence[int], habits: Habits = HABITS[0]) -> Origins:
    """Fit `persons` [zone, hour] there and the `panel` [zone] at home, at local hours.

    Iterative proportional fitting: W. E. Deming, F. F. Stephan, Ann. Math. Statist. 11 (1940).
    """
    there, living = np.maximum(persons, 1e-9), np.maximum(panel, 1e-9)[:, None]
    away = np.minimum(habits.away * (1 - AT_HOME[list(hours)]), 0.9)
    home, near, far = 1 - away, away * habits.near, away * (1 - habits.near)
    into = np.eye(int(district.max()) + 1)[:, district]
    size = (into @ living)[district]

    def reached(factor: Reals) -> Reals:
        """The habit's matrix, which is symmetric, times factor x panel."""
        mass = factor * living
        return np.asarray(home * factor + near * (into @ mass)[district] / size + far * mass.sum(axis=0) / living.sum())

    row, column = np.ones_like(there), np.ones_like(there)
    share = there.sum(axis=0) / living.sum()
    goal = np.minimum(home, MOST * np.minimum(there, living * share).sum(axis=0) / there.sum(axis=0))
    for _ in range(ROUNDS):
        row = there / living / reached(column)
        column = share / reached(row)
        home = home * goal * there.sum(axis=0) / (row * column * living * home).sum(axis=0)
    row = there / living / reached(column)
    return Origins(there, living[:, 0], district, home, near, far, row, column, habits.ages)
