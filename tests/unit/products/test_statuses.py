"""Which keys have no number: no cell served a place in the whole period, or too many hours are missing."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from tasks.period import Period
from tasks.products.dimensions import AGE_BAND, DAY_PART, DISTRICT, ZONE, day_parts
from tasks.products.footfall import PRODUCT
from tasks.products.spec import CountContext, Level
from tasks.products.statuses import key_statuses, least_shown
from tests.unit.products.counting import context, with_facts

DAY, WEEK = Period.day(date(2026, 3, 2)), Period.parse("2026-W10")
FULL = np.ones((3, 24), np.bool_)
"""Zones a and c are in district east, zone b is in west."""
BY_ZONE = Level("zone", "", (ZONE,))
BY_DISTRICT = Level("pair", "", (replace(DISTRICT, name="origin_district_id"), DAY_PART, DISTRICT))


def facts(period: Period, covered: np.ndarray = FULL, *empty: int) -> CountContext:
    of_day = with_facts(context(PRODUCT, DAY, {}, {}), covered, np.isin(np.arange(24), empty))
    return replace(of_day, period=period, ingested=tuple(period.days))


def masks(context: CountContext, level: Level) -> tuple[np.ndarray, np.ndarray]:
    (one, nowhere), (other, incomplete) = key_statuses(context, level)
    assert (one, other) == ("no_coverage", "incomplete")
    assert nowhere.shape == incomplete.shape == level.shape(context)
    return nowhere, incomplete


def test_a_place_has_coverage_if_it_had_a_cell_at_any_hour() -> None:
    covered = FULL.copy()
    covered[0, 1:], covered[1] = False, False
    nowhere, _ = masks(facts(DAY, covered), BY_ZONE)
    assert nowhere.tolist() == [False, True, False]
    nowhere, _ = masks(facts(DAY, covered), BY_DISTRICT)
    assert nowhere.any(axis=1).tolist() == [[False, True], [True, True]]
    covered[0] = False
    assert not masks(facts(DAY, covered), BY_DISTRICT)[0][0, :, 0].any(), "zone c of the district still has one"


@pytest.mark.parametrize(("empty", "whole"), [((8, 9), False), ((8, 9, 23), True)])
def test_a_key_is_incomplete_if_more_than_a_tenth_of_its_hours_is_missing(empty: tuple[int, ...], whole: bool) -> None:
    _, incomplete = masks(facts(DAY, FULL, *empty), BY_ZONE)
    assert incomplete.tolist() == [whole] * 3
    _, incomplete = masks(facts(DAY, FULL, *empty), BY_DISTRICT)
    assert incomplete[0, :, 1].tolist() == [False, True, False, False, whole]


def test_a_week_that_lacks_a_day_is_incomplete() -> None:
    six = replace(facts(WEEK), ingested=tuple(WEEK.days[:6]))
    assert masks(six, Level("zone", "", (ZONE, AGE_BAND)))[1].all()
    assert not masks(facts(WEEK), BY_ZONE)[1].any()


def test_parts_of_the_day_follow_the_local_clock() -> None:
    spring, autumn = (Period.day(day) for day in (date(2026, 3, 29), date(2026, 10, 25)))
    hours = [np.bincount(day_parts(facts(day))).tolist() for day in (DAY, spring, autumn)]
    assert hours == [[6, 4, 5, 4, 5], [5, 4, 5, 4, 5], [7, 4, 5, 4, 5]]


def test_a_computed_value_is_shown_from_twenty_and_three_standard_errors_on() -> None:
    assert least_shown(np.array([0.0, 25.0, 1600.0])).tolist() == [20, 20, 120]
