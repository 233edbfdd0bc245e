"""A day as it was lived, the truth: stays and the ways between them, and where everyone was at every second."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.simulate.absence import absence
from tasks.simulate.city import City
from tasks.simulate.clock import Day
from tasks.simulate.plan import HOUR, Bools, Ints, SimulationPlan
from tasks.simulate.population import People
from tasks.simulate.schedule import Outing, daytime, evenings

LEAST_STAY = 300
PATIENCE = int(1.5 * HOUR)
"""A longer gap between two activities is spent at home."""
MIDNIGHT = 24 * HOUR
WAYPOINTS = 4
SECOND_BITS = 17


@dataclass(frozen=True)
class Itinerary:
    """Stays in order of (person, arrival), in elapsed seconds of the day; each lasts until `leave`.

    `onward` marks stays that the same person's next one follows: the way there takes from `leave` to its `arrive`.
    """

    person: Ints
    place: Ints
    arrive: Ints
    leave: Ints
    onward: Bools


def build_itinerary(plan: SimulationPlan, city: City, people: People, part: int, number: int, day: Day) -> Itinerary:
    """The itineraries of one part's people on one day, each from where the person was at midnight."""
    yesterday, tonight = (
        evenings(plan, city, people, n, plan.rng("evening", part, n + 1)) for n in (number - 1, number)
    )
    gone = absence(plan, city, people, part, number)
    activities = gone.change([*daytime(plan, city, people, number, plan.rng("daytime", part, number)), tonight])
    awake, elsewhere = yesterday.on & (yesterday.end > MIDNIGHT), gone.away | gone.returns
    first = np.where(elsewhere, gone.place, np.where(awake, yesterday.place, people.home)).astype(np.int32)
    free = np.where(awake, yesterday.end - MIDNIGHT, 0)
    free = np.where(elsewhere, np.where(gone.away, MIDNIGHT, gone.at), free).astype(np.int32)
    return _chain(city, people, first, free, activities, day)


def travel_seconds(city: City, origin: Ints, destination: Ints) -> Ints:
    """Five minutes to get going, then faster the farther it is; none to where one is."""
    metres = np.hypot(*np.moveaxis(city.metres(origin) - city.metres(destination), -1, 0))
    return np.where(metres > 0, 300 + 1.25 * metres / (6 + metres / 3000), 0).astype(np.int32)


def _chain(city: City, people: People, first: Ints, free: Ints, activities: list[Outing], day: Day) -> Itinerary:
    """Walk through the day's activities in turn, home between them where there is time, and home at the end."""
    place, on, start = first, [np.ones(len(first), bool)], [np.zeros(len(first), np.int32)]
    left, places = [start[0]], [first]
    for number in range(2 * len(activities) + 1):
        outing = activities[number // 2] if number % 2 else _home_again(people, free, activities[number // 2 :])
        travel = travel_seconds(city, place, outing.place)
        leave = np.maximum(outing.start - travel, free)
        arrive = leave + travel
        goes = outing.on & (place != outing.place) & (arrive + LEAST_STAY <= outing.end) & (arrive < MIDNIGHT)
        free = np.where(goes, np.maximum(outing.end * (number % 2), arrive + LEAST_STAY), free).astype(np.int32)
        free = np.where(
            outing.on & ~goes & (place == outing.place) & (number % 2 == 1), np.maximum(outing.end, free), free
        )
        place = np.where(goes, outing.place, place)
        for column, value in zip((on, start, left, places), (goes, arrive, leave, place), strict=True):
            column.append(value)
    return _flat(np.array(on), np.array(places), day.elapsed(np.array(start)), day.elapsed(np.array(left)), day)


def _home_again(people: People, free: Ints, coming: list[Outing]) -> Outing:
    """Home as soon as one is free, unless the next activity begins before it is worth the way."""
    following = np.full(len(free), 2 * MIDNIGHT, np.int32)
    for outing in reversed(coming):
        following = np.where(outing.on, outing.start, following)
    worth = following - free > PATIENCE
    return Outing(worth, people.home, free, np.full(len(free), 2 * MIDNIGHT, np.int32))


def _flat(on: Bools, places: Ints, arrive: Ints, left: Ints, day: Day) -> Itinerary:
    """From [stay, person] with gaps to one row a stay; a stay lasts until the same person's next departure."""
    person, stay = np.nonzero(on.T)
    onward = np.append(person[1:] == person[:-1], False)
    departure = left[stay, person]
    leave = np.where(onward, np.roll(departure, -1), day.seconds)
    return Itinerary(
        person.astype(np.int32), places[stay, person], arrive[stay, person], leave.astype(np.int32), onward
    )


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
