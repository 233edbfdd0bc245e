"""Homes and workplaces from a month's night and work minutes."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.home_location import UNKNOWN, HomeRules, home_location
from tests import reference
from tests.unit.mobility.test_zones import feature, plan_of, square

PLAN = plan_of(*(feature(f"z{n}", square(n, 0), f"d{n // 2}") for n in range(6)))
RULES = HomeRules(night_minutes=60, work_minutes=90)


def states(*rows: tuple[int, int, int, int]) -> Any:
    """Rows of person, zone, night minutes and work minutes."""
    types = {"pseudonym": np.uint64, "zone": np.int32, "night_minutes": np.int16, "work_minutes": np.int16}
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return pa.table({name: column.astype(types[name]) for name, column in zip(types, columns, strict=True)})


def homes(*rows: tuple[int, int, int, int], rules: HomeRules = RULES) -> dict[int, tuple[int, ...]]:
    """By person: home district, home zone and work zone."""
    person, *places = (column.tolist() for column in home_location(states(*rows), PLAN, rules))
    return dict(zip(person, zip(*places, strict=True), strict=True))


def test_home_is_the_district_with_most_night_minutes_and_the_zone_with_most_of_them_there() -> None:
    nights = [(7, 0, 60, 0), (7, 1, 70, 0), (7, 2, 120, 0), (7, 0, 30, 0)]
    assert homes(*nights) == {7: (0, 0, UNKNOWN)}


def test_work_is_the_zone_with_most_work_minutes_that_is_not_the_home_zone() -> None:
    assert homes((7, 0, 480, 500), (7, 4, 0, 100), (7, 5, 0, 90)) == {7: (0, 0, 4)}


def test_a_tie_goes_to_the_lowest_place() -> None:
    assert homes((7, 5, 60, 0), (7, 2, 60, 0), (7, 3, 60, 0), (7, 4, 60, 0)) == {7: (1, 2, UNKNOWN)}
    assert homes((7, 5, 0, 90), (7, 3, 0, 90)) == {7: (UNKNOWN, UNKNOWN, 3)}


def test_with_too_few_minutes_home_and_work_are_unknown() -> None:
    assert homes((3, 5, 59, 89), (9, 5, 60, 0), (9, 1, 0, 90)) == {3: (UNKNOWN,) * 3, 9: (2, 5, 1)}
    assert homes() == {}


minutes = st.sampled_from([0, 30, 45, 60, 90, 480])
rows = st.tuples(st.integers(0, 3), st.integers(0, 5), minutes, minutes)


@given(st.lists(rows, max_size=25), st.sampled_from([1, 60, 200]), st.sampled_from([1, 90, 200]))
@settings(max_examples=200, deadline=None)
def test_homes_are_those_of_the_definition(rows: Any, night: int, work: int) -> None:
    rules, people = HomeRules(night, work), {person for person, *_ in rows}
    district = PLAN.district.tolist()
    assert homes(*rows, rules=rules) == {
        person: reference.homes([state for who, *state in rows if who == person], district, rules)
        for person in sorted(people)
    }
