"""Loyalty counts each visitor of a zone once, by the number of days on which they stayed there."""

from datetime import date

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.period import Period
from tasks.privacy.bounds import UNIT, Contributions
from tasks.products.loyalty import LEAST_DAYS, PRODUCT
from tests import reference
from tests.unit.products.counting import PLAN, context

MONTH = Period.month(date(2026, 6, 1))
ZONES = len(PLAN.zone_ids)

days_there = st.dictionaries(st.tuples(st.integers(0, 20), st.integers(0, ZONES - 1)), st.integers(1, 30))
people = st.dictionaries(st.integers(0, 20), st.just((0, 0)))


def states(of: dict[tuple[int, int], int]) -> pa.Table:
    """A row for each day on which a person stayed in a zone, by person and day."""
    rows = np.array([(*key, day) for key, days in of.items() for day in range(days)], np.int64).reshape(-1, 3)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))]
    return pa.table({"pseudonym": rows[:, 0].astype(np.uint64), "zone": rows[:, 1].astype(np.int32)})


def counted(tables: list[pa.Table], who: dict[int, tuple[int, int]]) -> Contributions:
    (count,) = PRODUCT.counts
    (contributions,) = count(context(PRODUCT, MONTH, who, {"month_state": tables}))
    return contributions


def days_class(days: int) -> int:
    return 0 if days == 1 else 1 if days < 4 else 2 if days < 8 else 3


@settings(deadline=None)
@given(days_there, people)
def test_every_visitor_of_a_zone_is_in_one_class_by_weight(
    of: dict[tuple[int, int], int], who: dict[int, tuple[int, int]]
) -> None:
    halves = [{key: days for key, days in of.items() if (key[0] < 10) == first} for first in (True, False)]
    found = counted([states(half) for half in halves], who)
    expected = np.zeros(ZONES * len(LEAST_DAYS), np.int64)
    for person in who:
        own = [0] * expected.size
        for zone in range(ZONES):
            if days := of.get((person, zone)):
                own[zone * len(LEAST_DAYS) + days_class(days)] = 1
        expected += reference.weighted(own, found.bound)
    assert found.values.ravel().tolist() == expected.tolist()


def test_each_class_begins_with_its_least_number_of_days() -> None:
    by_days = {(person, 0): days for person, days in enumerate([1, 2, 3, 4, 7, 8, 31])}
    found = counted([states(by_days)], dict.fromkeys(range(7), (0, 0)))
    assert (found.values[0] // UNIT).tolist() == [1, 2, 2, 2]
    assert list(LEAST_DAYS) == ["1", "2-3", "4-7", "8+"]
