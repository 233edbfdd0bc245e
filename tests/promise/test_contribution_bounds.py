"""The bounds of the privacy package itself, on random histories of several months; products have tests of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.period import Period
from tasks.privacy.bounds import BoundedCounter, Contributions, WeightedCounter
from tests.promise.sensitivity import assert_bounded, squared_distance, without

PLACES, BOUND = 5, 3
WEEK = Period.parse("2026-W14")  # Monday 30 March to Sunday 5 April
DAY, MONTH = Period.parse("2026-04-01"), Period.parse("2026-03")


@dataclass(frozen=True)
class Visit:
    person: int
    day: date
    place: int


visits = st.builds(
    Visit,
    person=st.integers(0, 3),
    day=st.integers(0, 70).map(lambda n: date(2026, 2, 20) + timedelta(days=n)),
    place=st.integers(0, PLACES - 1),
)
histories = st.lists(visits, min_size=1, max_size=60)
periods = st.sampled_from([DAY, WEEK, MONTH])


def inside(history: Sequence[Visit], period: Period) -> list[Visit]:
    return [visit for visit in history if period.first <= visit.day < period.end]


def places_seen(history: Sequence[Visit], period: Period) -> list[Contributions]:
    """Each person's first BOUND places of the period, once each."""
    tally = BoundedCounter("places_seen", (PLACES,), BOUND)
    seen: dict[int, dict[int, None]] = {}
    for visit in sorted(inside(history, period), key=lambda v: (v.day, v.place)):
        seen.setdefault(visit.person, {})[visit.place] = None
    rows = [(person, place) for person in sorted(seen) for place in list(seen[person])[:BOUND]]
    tally.add(np.array([p for p, _ in rows], dtype=np.uint64), np.array([k for _, k in rows], dtype=np.int64))
    return [tally.contributions()]


def visits_weighted(history: Sequence[Visit], period: Period) -> list[Contributions]:
    """Every visit counts, weighted so that a person's vector keeps the bound."""
    counter = WeightedCounter("visits", (PLACES,), BOUND)
    rows = sorted((visit.person, visit.place) for visit in inside(history, period))
    counter.add(np.array([p for p, _ in rows], dtype=np.uint64), np.array([k for _, k in rows], dtype=np.int64))
    return [counter.contributions()]


@settings(max_examples=300, deadline=None)
@given(histories, st.integers(0, 3), periods)
def test_no_month_of_anyone_moves_a_tally_further_than_charged(
    history: list[Visit], person: int, period: Period
) -> None:
    assert_bounded(lambda h: places_seen(h, period), history, person, period)


@settings(max_examples=300, deadline=None)
@given(histories, st.integers(0, 3), periods)
def test_no_month_of_anyone_moves_a_weighted_sum_further_than_charged(
    history: list[Visit], person: int, period: Period
) -> None:
    assert_bounded(lambda h: visits_weighted(h, period), history, person, period)


def test_a_straddling_week_needs_its_double_charge() -> None:
    """Without March a person's April places take the freed room: both vectors differ in twice K keys."""
    march = [Visit(1, date(2026, 3, 30), place) for place in range(3)]
    april = [Visit(1, date(2026, 4, 1), place) for place in (3, 4)]
    (before,) = places_seen(march + april, WEEK)
    (after,) = places_seen(without(march + april, 1, "2026-03"), WEEK)
    assert BOUND < squared_distance(before, after) <= 2 * BOUND


def test_the_bound_is_reached_inside_one_month() -> None:
    history = [Visit(1, date(2026, 3, 30), place) for place in range(3)]
    ((before,), (after,)) = places_seen(history, MONTH), places_seen([], MONTH)
    assert squared_distance(before, after) == BOUND


def test_a_statistic_that_breaks_its_bound_is_found() -> None:
    def boundless(history: Sequence[Visit]) -> list[Contributions]:
        counts = np.bincount([visit.place for visit in history], minlength=PLACES).astype(np.int64)
        return [Contributions("boundless", counts, BOUND)]

    history = [Visit(1, date(2026, 3, 2), 0)] * 2
    with pytest.raises(AssertionError, match="boundless moves by 4 for 2026-03, charged 1x3"):
        assert_bounded(boundless, history, 1, MONTH)


def test_a_statistic_that_reads_outside_its_period_is_found() -> None:
    def greedy(history: Sequence[Visit]) -> list[Contributions]:
        return [Contributions("greedy", np.array([len(history)]), BOUND)]

    history = [Visit(1, date(2026, 2, 28), 0), Visit(1, date(2026, 3, 2), 0)]
    with pytest.raises(AssertionError, match="greedy moves by 1 for 2026-02, charged 0x3"):
        assert_bounded(greedy, history, 1, MONTH)
