"""Trips between true stays beside trips between found ones. A found trip matches the true one nearest in time."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tests.true_stays import DAY_SECONDS, Int64, Places, Score

NEAR = 3600
"""Trips whose middles are farther apart do not match."""


class Trips(NamedTuple):
    """Trips in order of (person, moment): zones, and the second halfway between leaving and arriving."""

    person: Int64
    origin: Int64
    destination: Int64
    moment: Int64


def trips_of(places: Places) -> Trips:
    """Pairs of consecutive stays in different zones; a stay outside all zones lies between no two."""
    inside = (places.zone[1:] >= 0) & (places.zone[:-1] >= 0)
    trip = inside & (places.person[1:] == places.person[:-1]) & (places.zone[1:] != places.zone[:-1])
    moment = (places.end[:-1] + places.start[1:]) // 2
    return Trips(*(column[trip] for column in (places.person[:-1], places.zone[:-1], places.zone[1:], moment)))


@dataclass(frozen=True)
class TripScore:
    """How well trips are found. `place`: the zone or district that each zone counts as."""

    true: Trips
    found: Trips
    place: npt.NDArray[np.integer]

    @cached_property
    def match(self) -> Int64:
        """The true trip nearest to each found one, or -1."""
        key, near = (trips.person * 4 * DAY_SECONDS + trips.moment for trips in (self.true, self.found))
        match, best = np.full(len(near), -1), np.full(len(near), NEAR)
        after = np.searchsorted(key, near)
        for other in (after - 1, after):
            other = np.clip(other, 0, len(key) - 1)
            apart = abs(key[other] - near)
            match, best = np.where(apart < best, other, match), np.minimum(apart, best)
        return match

    def precision(self) -> float:
        """The share of found trips that are at the time of a true one."""
        return float((self.match >= 0).mean())

    def recall(self) -> float:
        """The share of true trips at whose time one is found."""
        return len(np.unique(self.match[self.match >= 0])) / len(self.true.person)

    def pairs_right(self) -> float:
        """The share of matching trips from the right place to the right one."""
        met = self.match >= 0
        right = np.ones(int(met.sum()), bool)
        for found, true in ((self.found.origin, self.true.origin), (self.found.destination, self.true.destination)):
            right &= self.place[found[met]] == self.place[true[self.match[met]]]
        return float(right.mean())

    def overlap(self) -> float:
        """The part that the matrices of true and found trips have in common (common part of commuters)."""
        size = int(self.place.max()) + 1
        true, found = (
            np.bincount(
                self.place[trips.origin].astype(np.int64) * size + self.place[trips.destination], minlength=size**2
            )
            for trips in (self.true, self.found)
        )
        return float(2 * np.minimum(true, found).sum() / (true.sum() + found.sum()))


def trip_score(stays: Score, place: npt.NDArray[np.integer]) -> TripScore:
    """The score of the trips between stays."""
    return TripScore(trips_of(stays.true), trips_of(stays.found), place)
