from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tasks.simulate import SimulationPlan
from tasks.simulate.city import ARENA, build_city
from tasks.simulate.clock import Day
from tasks.simulate.itinerary import build_itinerary, move_people, presence
from tasks.simulate.plan import HOUR
from tasks.simulate.population import DEVICE, NIGHT_WORKER, STUDENT, WORKER, build_population
from tests.unit.simulate.landing import BERLIN

SPRING, AUTUMN, USUAL = date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 3)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (USUAL, 24), (AUTUMN, 25)])
def test_a_day_has_as_many_hours_as_its_clock(day: date, hours: int) -> None:
    clock = Day(day, BERLIN)
    assert clock.seconds == hours * HOUR == len(clock.offset_texts) == len(clock.naive_texts)
    for second in (0, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR, 4 * HOUR, clock.seconds - 1):
        local = clock.instant(second)
        assert local.date() == day
        assert clock.offset_texts[second] == local.isoformat()
        assert clock.naive_texts[second] == local.isoformat(" ")[:19]
        assert clock.wall_hours[second // HOUR] == local.hour


@pytest.mark.parametrize("day", [SPRING, USUAL, AUTUMN])
def test_wall_clock_times_become_elapsed_seconds_in_order(day: date) -> None:
    clock = Day(day, BERLIN)
    wall = np.arange(0, 24 * HOUR + 1, 60, dtype=np.int32)
    elapsed = clock.elapsed(wall)
    assert (np.diff(elapsed) >= 0).all()
    assert elapsed[-1] == clock.seconds
    for at, second in zip(wall[:-1:97].tolist(), elapsed[:-1:97].tolist(), strict=True):
        local = datetime(day.year, day.month, day.day, at // HOUR, at % HOUR // 60, tzinfo=BERLIN)
        exists = local.astimezone(UTC).astimezone(BERLIN).hour == local.hour
        assert not exists or clock.instant(second) == local


def world(day: date, size: int = 3000) -> Any:
    plan = SimulationPlan(size, 1, day, 3, zones=24)
    city = build_city(plan)
    return plan, city, build_population(plan, city)


@pytest.mark.parametrize("day", [SPRING, USUAL, AUTUMN])
def test_presence_is_the_zone_of_most_of_the_hour(day: date) -> None:
    plan, city, people = world(day, 60)
    clock = Day(day, BERLIN)
    motion = move_people(city, build_itinerary(plan, city, people, 0, 0, clock))
    found = presence(city, motion, len(people), clock)
    for person in range(len(people)):
        places = motion.place[motion.piece(np.full(clock.seconds, person), np.arange(clock.seconds))]
        zones = np.where(city.square_zone[places] < 0, plan.zones, city.square_zone[places])
        for hour in range(len(clock.hours)):
            seconds = np.bincount(zones[hour * HOUR : (hour + 1) * HOUR])
            assert found[person, hour] == np.argmax(seconds)


def test_stays_follow_each_other_and_fill_the_day() -> None:
    plan, city, people = world(USUAL)
    days = build_itinerary(plan, city, people, 0, 0, Day(USUAL, BERLIN))
    first, last = np.diff(days.person, prepend=-1) > 0, ~days.onward
    assert np.array_equal(days.person[first], np.arange(len(people)))
    assert (days.arrive[first] == 0).all()
    assert (days.leave[last] == 24 * HOUR).all()
    assert (days.arrive <= days.leave).all()
    assert (days.leave[~last] < days.arrive[np.flatnonzero(~last) + 1]).all()


def test_nobody_travels_faster_than_a_train() -> None:
    plan, city, people = world(USUAL)
    days = build_itinerary(plan, city, people, 0, 0, Day(USUAL, BERLIN))
    at = np.flatnonzero(days.onward)
    metres = np.hypot(*(city.metres(days.place[at + 1]) - city.metres(days.place[at])).T)
    assert (metres / (days.arrive[at + 1] - days.leave[at])).max() < 40


def test_people_wake_up_where_they_were_at_midnight() -> None:
    plan, city, people = world(USUAL)
    evening = build_itinerary(plan, city, people, 0, 0, Day(USUAL, BERLIN))
    morning = build_itinerary(plan, city, people, 0, 1, Day(USUAL + timedelta(days=1), BERLIN))
    midnight = evening.place[~evening.onward]
    assert np.array_equal(midnight, morning.place[np.diff(morning.person, prepend=-1) > 0])
    assert (midnight != people.home).mean() > 0.02


def test_offices_fill_by_day_homes_by_night_and_the_arena_on_its_night() -> None:
    plan, city, people = world(USUAL)
    clock = Day(USUAL, BERLIN)
    zones = presence(city, move_people(city, build_itinerary(plan, city, people, 0, 0, clock)), len(people), clock)
    at_home = zones == city.square_zone[people.home][:, None]
    arena = np.sum(city.area_type[np.minimum(zones, plan.zones - 1)] == ARENA, axis=0)
    workers = people.kind == WORKER
    assert at_home[:, 3].mean() > 0.85
    assert at_home[workers, 11].mean() < 0.4
    assert arena[21] > 3 * arena[12]
    assert at_home[people.kind == NIGHT_WORKER, 3].mean() < 0.4
    assert at_home[people.kind == DEVICE].all()


def test_pupils_stay_away_from_school_at_weekends() -> None:
    shares = {}
    for day in (date(2026, 3, 6), date(2026, 3, 8)):
        plan, city, people = world(day)
        days = build_itinerary(plan, city, people, 0, 0, Day(day, BERLIN))
        there = days.place == people.work[days.person]
        shares[day] = len(np.unique(days.person[there & (people.kind[days.person] == STUDENT)]))
    friday, sunday = shares.values()
    assert sunday < friday / 10


def test_the_truth_of_a_clock_change_has_every_hour_once(landing: Any) -> None:
    made = landing(start=date(2026, 3, 28), days=3, subscribers=40)
    hours: dict[date, Counter[str]] = defaultdict(Counter)
    for row in made.truth("presence/*/*.parquet"):
        hours[row["hour_start"].astimezone(BERLIN).date()][row["subscriber_id"]] += 1
    assert [set(counts.values()) for _, counts in sorted(hours.items())] == [{24}, {23}, {24}]
