"""Where everyone was at every second: pieces of one place each; and presence as the truth has it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.simulate.city import City
from tasks.simulate.clock import Day
from tasks.simulate.itinerary import Itinerary
from tasks.simulate.plan import HOUR, Ints

WAYPOINTS = 4
SECOND_BITS = 17


@dataclass(frozen=True)
class Motion:
    """Pieces in order of (person, second): `key` is person << 17 | first second, `place` a square."""

    key: NDArray[np.int64]
    place: Ints

    def piece(self, person: Any, second: Any) -> NDArray[np.int64]:
        """The piece that holds each person's second; quickest for sorted questions."""
        return np.searchsorted(self.key, keys(person, second), side="right") - 1


def keys(person: Any, second: Any) -> NDArray[np.int64]:
    """One integer that sorts by person, then second."""
    return np.asarray((person.astype(np.int64) << SECOND_BITS) | second, np.int64)


def move_people(city: City, days: Itinerary) -> Motion:
    """A way passes through four places, each for a quarter of its time."""
    at = np.flatnonzero(days.onward)
    shares = (np.arange(WAYPOINTS) + 0.5) / WAYPOINTS
    origin, destination = city.metres(days.place[at]), city.metres(days.place[at + 1])
    places = city.square_at(origin[:, None] + (destination - origin)[:, None] * shares[:, None])
    length = (days.arrive[at + 1] - days.leave[at])[:, None]
    starts = days.leave[at][:, None] + length * np.arange(WAYPOINTS) // WAYPOINTS
    key = np.concatenate([keys(days.person, days.arrive), keys(days.person[at][:, None], starts).ravel()])
    order = np.argsort(key, kind="stable")
    return Motion(key[order], np.concatenate([days.place, places.ravel()])[order])


def presence(city: City, motion: Motion, people: int, day: Day) -> Ints:
    """[person, hour] the zone of most of the hour, the lowest where several were; beyond the last one: outside."""
    hours, zones = len(day.hours), len(city.district)
    starts = keys(np.arange(people)[:, None], HOUR * np.arange(hours)).ravel()
    cuts = np.sort(np.concatenate([motion.key, starts]))
    ends = np.append(cuts[1:], 0)
    person, second = cuts >> SECOND_BITS, cuts & ((1 << SECOND_BITS) - 1)
    until = np.where(ends >> SECOND_BITS == person, ends & ((1 << SECOND_BITS) - 1), day.seconds)
    zone = city.square_zone[motion.place[np.searchsorted(motion.key, cuts, side="right") - 1]]
    group = (person * hours + second // HOUR) * (zones + 1) + np.where(zone < 0, zones, zone)
    return _longest(group, until - second, zones + 1).reshape(people, hours)


def _longest(group: NDArray[np.int64], seconds: NDArray[np.int64], zones: int) -> Ints:
    """Of each hour's zones the one with most seconds; groups are hour * zones + zone."""
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    total, found = np.add.reduceat(seconds[order], first), group[order][first]
    rank = total * zones + (zones - 1 - found % zones)
    hour = np.flatnonzero(np.diff(found // zones, prepend=-1))
    return np.asarray(zones - 1 - np.maximum.reduceat(rank, hour) % zones, np.int32)
