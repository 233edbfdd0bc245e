"""What people do on a day, by the clock on the wall: a chain of stays, with the ways between them."""

from dataclasses import dataclass

import numpy as np

from tasks.simulate.city import ARENA, OUTSIDE, SHOP, VISIT, City
from tasks.simulate.plan import HOUR, Bools, Floats, Ints, SimulationPlan
from tasks.simulate.population import (
    DEVICE,
    FAVOURITE_SHARES,
    NIGHT_WORKER,
    OUTSIDE_COMMUTER,
    STUDENT,
    WORKER,
    People,
)

EVENT_EVERY = 7
"""Days from one night in the arena to the next; the first simulated day has one."""

HABITS = np.array(
    [
        (0.86, 0.12, 7.6, 1.0, 8.6, 1.0),  # worker
        (0.55, 0.45, 10.2, 1.3, 1.6, 0.8),  # at home: errands
        (0.86, 0.35, 7.8, 0.6, 6.2, 1.0),  # student
        (0.3, 0.3, 15.0, 1.0, 1.2, 0.5),  # night worker: errands in the afternoon
        (0.86, 0.15, 7.4, 0.9, 8.8, 0.9),  # outside commuter
        (0.92, 0.92, 9.8, 0.8, 4.0, 1.5),  # roamer: sights
        (0.0, 0.0, 8.0, 1.0, 1.0, 1.0),  # device
    ]
)
"""By kind: how likely the main activity is from Monday to Friday, at weekends; start, spread, hours, their spread."""


@dataclass(frozen=True)
class Outing:
    """One activity per person: whether, where, from when and until when (wall-clock seconds since midnight)."""

    on: Bools
    place: Ints
    start: Ints
    end: Ints


def evenings(plan: SimulationPlan, city: City, people: People, day: int, rng: np.random.Generator) -> Outing:
    """Night shifts, the arena, and evenings out; ends after midnight belong to the next day's morning, too."""
    size, weekday = len(people), (plan.start.weekday() + day) % 7
    shift = (people.kind == NIGHT_WORKER) & (rng.random(size) < 0.75)
    going = ~np.isin(people.kind, [DEVICE, NIGHT_WORKER])
    event = going & (rng.random(size) < 0.06) & (day % EVENT_EVERY == 0)
    out = going & (rng.random(size) < people.outgoing * (0.28 if weekday in (4, 5) else 0.13))
    arena = rng.choice(np.flatnonzero(city.square_zone == int(np.flatnonzero(city.area_type == ARENA)[0])), size)
    start = np.where(shift, _normal(rng, 21.8, 0.3, size), np.where(event, _normal(rng, 19.2, 0.3, size), 0))
    start = np.where(shift | event, start, _normal(rng, 19.4, 0.8, size))
    end = np.where(shift, _normal(rng, 30.2, 0.3, size), np.where(event, _normal(rng, 22.5, 0.12, size), 0))
    end = np.where(shift | event, end, np.minimum(start + rng.lognormal(0.8, 0.5, size) * HOUR, 27 * HOUR))
    # Nobody is on the way at midnight, so that a day begins where the last one ended.
    end = np.where(end > 22.8 * HOUR, np.maximum(end, 24.2 * HOUR), end)
    place = np.where(shift, people.work, np.where(event, arena, _favourite(people, rng)))
    return _outing(shift | event | out, place, start, end)


def daytime(plan: SimulationPlan, city: City, people: People, day: int, rng: np.random.Generator) -> list[Outing]:
    """Work, school, errands, sights or a trip until lunch; lunch; the rest; an errand and shops on the way back."""
    size, weekday = len(people), (plan.start.weekday() + day) % 7
    main = _main_activity(city, people, weekday, rng)
    busy = np.isin(people.kind, [WORKER, STUDENT, OUTSIDE_COMMUTER]) & (weekday < 5)
    lunch = main.on & busy & (rng.random(size) < 0.35)
    noon = main.start + (main.end - main.start) * rng.uniform(0.4, 0.55, size)
    back = noon + rng.uniform(0.5, 0.9, size) * HOUR
    near = _beside(plan, city, main.place, 400, rng)
    return [
        _outing(main.on, main.place, main.start, np.where(lunch, noon, main.end)),
        _outing(lunch, near, noon, back),
        _outing(lunch, main.place, back, main.end),
        *_shopping(plan, city, people, weekday, main, rng),
    ]


def _main_activity(city: City, people: People, weekday: int, rng: np.random.Generator) -> Outing:
    """By each kind's habits, or at weekends a trip to another part of the city."""
    on_weekdays, on_weekends, start, spread, hours, hours_spread = HABITS[people.kind].T
    on = rng.random(len(people)) < (on_weekends if weekday > 4 else on_weekdays)
    begin = np.clip(start + spread * rng.standard_normal(len(people)), 4.5, 20) * HOUR
    length = np.maximum(hours + hours_spread * rng.standard_normal(len(people)), 0.5) * HOUR
    kinds = [WORKER, OUTSIDE_COMMUTER, STUDENT] if weekday < 5 else [WORKER, OUTSIDE_COMMUTER]
    place = np.where(np.isin(people.kind, kinds), people.work, _favourite(people, rng))
    trip = (weekday > 4) & ~on & (people.kind != DEVICE) & (rng.random(len(people)) < 0.2 * people.outgoing)
    begin = np.where(trip, _normal(rng, 11, 1.2, len(people)).clip(8 * HOUR), begin)
    length = np.where(trip, rng.lognormal(1.2, 0.5, len(people)) * HOUR, length)
    place = np.where(trip, _far(city, people, rng), place)
    return _outing(on | trip, place, begin, np.minimum(begin + length, 20.6 * HOUR))


def _shopping(
    plan: SimulationPlan, city: City, people: People, weekday: int, main: Outing, rng: np.random.Generator
) -> tuple[Outing, Outing]:
    """A short errand after the main activity, then shops: a favourite one, or any."""
    size = len(people)
    goes = (people.kind != DEVICE) & (rng.random(size) < people.outgoing * (0.35, 0.5, 0.08)[max(weekday - 4, 0)])
    errand = (people.kind != DEVICE) & (rng.random(size) < 0.15)
    stop = np.where(main.on, main.end, _normal(rng, 15.5, 2.5, size).clip(8 * HOUR))
    leave = stop + rng.lognormal(2.4, 0.5, size).clip(5, 40) * 60
    at = _beside(plan, city, np.where(main.on, main.place, people.home), 1500, rng)
    store = np.where(rng.random(size) < 0.7, _favourite(people, rng), city.drawn_to(SHOP, size, rng))
    opening = np.where(errand, leave, np.where(main.on, main.end, _normal(rng, 16.2, 1.5, size)))
    closing = np.minimum(opening + rng.lognormal(-0.3, 0.7, size).clip(0.1, 4) * HOUR, 20.5 * HOUR)
    return _outing(errand, at, stop, leave), _outing(goes, store, opening, closing)


def _favourite(people: People, rng: np.random.Generator) -> Ints:
    """One of each person's favourite places."""
    rank = np.searchsorted(np.cumsum(FAVOURITE_SHARES)[:-1], rng.random(len(people)))
    return np.asarray(people.favourites[np.arange(len(people)), rank])


def _beside(plan: SimulationPlan, city: City, place: Ints, metres: float, rng: np.random.Generator) -> Ints:
    """A square around each place; in a closed city the place itself where that square is outside."""
    at = city.square_at(city.metres(place) + rng.normal(0, metres, (len(place), 2)))
    return np.where(plan.closed & (city.square_zone[at] == OUTSIDE), place, at)


def _far(city: City, people: People, rng: np.random.Generator) -> Ints:
    """Of three places worth a trip, the one farthest from home."""
    places = np.stack([city.drawn_to(VISIT, len(people), rng) for _ in range(3)])
    metres = np.square(city.metres(places) - city.metres(people.home)).sum(axis=-1)
    return np.asarray(places[np.argmax(metres, axis=0), np.arange(len(people))])


def _outing(on: Bools, place: Ints, start: Ints | Floats, end: Ints | Floats) -> Outing:
    return Outing(on, place.astype(np.int32), start.astype(np.int32), end.astype(np.int32))


def _normal(rng: np.random.Generator, hours: float, spread: float, size: int) -> Floats:
    return (hours + spread * rng.standard_normal(size)) * HOUR
