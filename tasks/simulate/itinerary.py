"""A day as it was lived: stays one after the other, and the ways between them; this is the truth."""

from dataclasses import dataclass

import numpy as np

from tasks.simulate.city import City
from tasks.simulate.clock import Day
from tasks.simulate.plan import HOUR, Bools, Ints, SimulationPlan
from tasks.simulate.population import People
from tasks.simulate.schedule import Outing, daytime, evenings

LEAST_STAY = 600
PATIENCE = int(1.5 * HOUR)
"""A longer gap between two activities is spent at home."""
MIDNIGHT = 24 * HOUR


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
    """The itineraries of one part's people on one day; where yesterday's evening went on past midnight, from there."""
    yesterday, tonight = (
        evenings(plan, city, people, n, plan.rng("evening", part, n + 1)) for n in (number - 1, number)
    )
    activities = [*daytime(plan, city, people, number, plan.rng("daytime", part, number)), tonight]
    awake = yesterday.on & (yesterday.end > MIDNIGHT)
    first = np.where(awake, yesterday.place, people.home).astype(np.int32)
    free = np.where(awake, yesterday.end - MIDNIGHT, 0).astype(np.int32)
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
