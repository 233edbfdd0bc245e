"""Habits over a month: favourite places, trips at weekends, days away, short and long stays."""

from datetime import date
from typing import NamedTuple

import numpy as np
import pytest

from tasks.simulate import SimulationPlan
from tasks.simulate.city import City, build_city
from tasks.simulate.clock import Day
from tasks.simulate.itinerary import Itinerary, build_itinerary
from tasks.simulate.plan import HOUR, Ints
from tasks.simulate.population import AT_HOME, OUTSIDE_COMMUTER, ROAMER, WORKER, People, build_population

PLAN = SimulationPlan(1500, 31, date(2026, 3, 1), 3, zones=30)


class Month(NamedTuple):
    city: City
    people: People
    days: list[Itinerary]

    def zones_a_day(self) -> tuple[Ints, Ints, Ints]:
        """Person, zone and number of days of each zone in which a person stays for ten minutes or more."""
        zones, found = len(self.city.district), list[Ints]()
        for day in self.days:
            zone = self.city.square_zone[day.place]
            stays = (zone >= 0) & (day.leave - day.arrive >= 600)
            found.append(np.unique(day.person[stays] * zones + zone[stays]))
        places, days = np.unique(np.concatenate(found), return_counts=True)
        return *np.divmod(places, zones), days  # type: ignore[return-value]


@pytest.fixture(scope="module")
def month() -> Month:
    city = build_city(PLAN)
    people = build_population(PLAN, city)
    days = [build_itinerary(PLAN, city, people, 0, n, Day(day, PLAN.zone)) for n, day in enumerate(PLAN.calendar)]
    return Month(city, people, days)


def test_visitors_come_once_or_again_and_again(month: Month) -> None:
    person, zone, days = month.zones_a_day()
    own = (month.city.square_zone[month.people.home][person] == zone) | (
        month.city.square_zone[month.people.work][person] == zone
    )
    classes = np.bincount(np.searchsorted([2, 4, 8], days[~own], side="right"), minlength=4) / np.sum(~own)
    assert classes.min() > 0.05
    assert 0.3 < classes[0] < 0.65


def test_some_people_are_away_for_days_and_come_back(month: Month) -> None:
    people, resident = month.people, ~np.isin(month.people.kind, [OUTSIDE_COMMUTER, ROAMER])
    midnights = np.array([day.place[np.diff(day.person, prepend=-1) > 0] for day in month.days])
    outside = (month.city.square_zone[midnights] < 0) & resident
    assert 0.01 < outside[:, resident].mean() < 0.08
    assert (outside.sum(axis=0) >= 7).any()
    left = outside[:-1] & ~outside[1:]
    assert (midnights[1:][left] == np.broadcast_to(people.home, midnights[1:].shape)[left]).mean() > 0.7


def test_people_who_are_away_begin_each_day_where_they_were_at_midnight(month: Month) -> None:
    for evening, morning in zip(month.days, month.days[1:], strict=False):
        assert np.array_equal(evening.place[~evening.onward], morning.place[np.diff(morning.person, prepend=-1) > 0])


def test_trips_at_weekends_go_farther_than_weekdays_do(month: Month) -> None:
    workers = month.people.kind == WORKER
    metres = {}
    for number in (0, 3):  # a Sunday and a Wednesday
        day, home, work = month.days[number], month.people.home, month.people.work
        noon = (day.arrive < 14 * HOUR) & (day.leave > 14 * HOUR) & workers[day.person]
        out = noon & (day.place != home[day.person]) & (day.place != work[day.person])
        out &= month.city.square_zone[day.place] >= 0
        gaps = month.city.metres(day.place[out]) - month.city.metres(home[day.person[out]])
        metres[number] = np.median(np.hypot(*gaps.T))
    assert metres[0] > 1.2 * metres[3]


def test_stays_take_from_five_minutes_to_whole_days(month: Month) -> None:
    minutes = np.concatenate([(day.leave - day.arrive)[day.onward] for day in month.days]) / 60
    out = np.concatenate([(day.leave - day.arrive)[day.onward & (day.arrive > 0)] for day in month.days]) / 60
    assert out.min() >= 5
    assert 0.02 < (out < 15).mean() < 0.15
    assert minutes.max() > 12 * 60
    whole = [np.bincount(day.person)[month.people.kind == AT_HOME] == 1 for day in month.days]
    assert np.mean(whole) > 0.1


def test_many_days_hold_stays_in_several_zones(month: Month) -> None:
    person, _, days = month.zones_a_day()
    zones = np.bincount(person, days, len(month.people)) / len(month.days)
    assert 1.5 < zones.mean() < 3
    assert np.percentile(zones, 90) > 2.5
