"""What the network hears of it: when a phone signals, and which cell it does so through."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.simulate.clock import Day
from tasks.simulate.itinerary import SECOND_BITS, Itinerary, Motion, keys
from tasks.simulate.network import RadioNetwork
from tasks.simulate.plan import HOUR, Floats, Ints
from tasks.simulate.population import DEVICE, NIGHT_WORKER, People
from tasks.simulate.radio import SLOTS

EVENT_TYPES = ("data", "signalling", "call", "sms")
BACKGROUND, ACTIVE = 0.34, 0.56
"""Shares of a usual day's events: reports at intervals, and use; the rest is heard on the way."""
ON_THE_WAY = 0.1 / 1.1
"""Events per hour on the way beside the day's usual number: a tenth of it in a little over an hour."""
SESSION = 1.6
SESSION_SECONDS = 45
PING_PONG = 0.2
"""How often a phone that stays is heard by another cell than its usual one there."""
AWAKE = np.array([8, 4, 2, 2, 2, 4, 11, 18, 20, 19, 19, 20, 22, 20, 19, 19, 21, 23, 23, 21, 20, 18, 14, 11])
ASLEEP_HOURS = (23, 6)


@dataclass(frozen=True)
class Signals:
    """Clean events of one part and day in order of (person, second), no two of a person in one second."""

    person: Ints
    second: Ints
    cell: Ints
    event_type: NDArray[np.uint8]


def emit_signals(
    people: People, days: Itinerary, motion: Motion, network: RadioNetwork, day: Day, rng: np.random.Generator
) -> Signals:
    """All clean events; a silent phone has none."""
    on = rng.random(len(people)) >= people.silent
    rate = people.rate * on
    key = np.concatenate(
        [_background(people, rate, day, rng), _sessions(people, rate, day, rng), _ways(rate, days, rng)]
    )
    key = np.sort(key)
    key = key[np.diff(key, prepend=-1) > 0]
    person, second = (key >> SECOND_BITS).astype(np.int32), (key & ((1 << SECOND_BITS) - 1)).astype(np.int32)
    piece = motion.piece(person, second)
    cell = _cells(network, motion, piece, rng)
    event_type = np.searchsorted([0.62, 0.92, 0.98], rng.random(len(key), np.float32)).astype(np.uint8)
    return Signals(person, second, cell, event_type)


def _hourly(people: People, day: Day) -> Floats:
    """[person, hour] share of a day's use; devices are even, night workers sleep by day."""
    profiles = np.tile(AWAKE / AWAKE.sum(), (len(people), 1))
    profiles[people.kind == DEVICE] = 1 / 24
    profiles[people.kind == NIGHT_WORKER] = np.roll(AWAKE, 12) / AWAKE.sum()
    return profiles[:, day.wall_hours]


def _background(people: People, rate: Floats, day: Day, rng: np.random.Generator) -> NDArray[np.int64]:
    """Reports at intervals, day and night, unless the phone is off at night."""
    hourly = np.repeat((BACKGROUND / 24 * rate)[:, None], len(day.hours), axis=1)
    hourly[people.off_at_night] *= _awake(day)
    counts = np.floor(hourly + rng.random(hourly.shape)).astype(np.int32)
    hour = np.repeat(np.arange(counts.size), counts.ravel())
    return keys(hour // len(day.hours), hour % len(day.hours) * HOUR + rng.integers(0, HOUR, len(hour)))


def _sessions(people: People, rate: Floats, day: Day, rng: np.random.Generator) -> NDArray[np.int64]:
    """Use comes in sessions of a few events within minutes, more of them when people are up."""
    hourly = _hourly(people, day) * (ACTIVE / SESSION * rate)[:, None]
    hourly[people.off_at_night] *= _awake(day)
    hour = np.repeat(np.arange(hourly.size), rng.poisson(hourly).ravel())
    start = hour % len(day.hours) * HOUR + rng.integers(0, HOUR, len(hour))
    size = rng.geometric(1 / SESSION, len(hour))
    person = np.repeat(hour // len(day.hours), size)
    second = np.repeat(start, size) + rng.exponential(SESSION_SECONDS, len(person)).astype(np.int64)
    within = second < day.seconds
    return keys(person[within], second[within])


def _ways(rate: Floats, days: Itinerary, rng: np.random.Generator) -> NDArray[np.int64]:
    """Handovers on the way."""
    at = np.flatnonzero(days.onward)
    length = days.arrive[at + 1] - days.leave[at]
    counts = rng.poisson(rate[days.person[at]] * ON_THE_WAY * length / HOUR)
    way = np.repeat(at, counts)
    second = days.leave[way] + rng.random(len(way)) * np.repeat(length, counts)
    return keys(days.person[way], second.astype(np.int64))


def _awake(day: Day) -> Floats:
    return ((day.wall_hours >= ASLEEP_HOURS[1]) & (day.wall_hours < ASLEEP_HOURS[0])).astype(float)


def _cells(network: RadioNetwork, motion: Motion, piece: NDArray[np.int64], rng: np.random.Generator) -> Ints:
    """A phone keeps one of its place's cells while it stays, and now and then is heard by another (ping-pong)."""
    usual = rng.integers(0, SLOTS, len(motion.key), np.int32)[piece]
    other = rng.integers(0, SLOTS, len(piece), np.int32)
    slot = np.where(rng.random(len(piece), np.float32) < PING_PONG, other, usual)
    return network.serving[motion.place[piece] * SLOTS + slot]
