"""Visitors are distinct persons with a stay in the zone; visits are their stays that began on the day."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.period import Period
from tasks.privacy.bounds import UNIT, Contributions
from tasks.products.visitors import PRODUCT, VISITORS
from tests import reference
from tests.unit.products.counting import PLAN, context, with_facts

DAY = Period.day(date(2026, 3, 2))
ZONES = len(PLAN.zone_ids)

people = st.dictionaries(st.integers(0, 20), st.just((0, 0)))
stays = st.dictionaries(st.tuples(st.integers(0, 20), st.integers(0, ZONES - 1)), st.integers(0, 9))


def zone_visits(rows: dict[tuple[int, int], int]) -> pa.Table:
    order = sorted(rows)
    return pa.table(
        {
            "pseudonym": np.array([person for person, _ in order], dtype=np.uint64),
            "zone": np.array([zone for _, zone in order], dtype=np.int32),
            "hour": np.zeros(len(order), dtype=np.int8),
            "visits": np.array([rows[key] for key in order], dtype=np.int16),
        }
    )


def counts(tables: list[pa.Table], who: dict[int, tuple[int, int]]) -> tuple[Contributions, Contributions]:
    (count,) = PRODUCT.counts
    visitors, visits = count(context(PRODUCT, DAY, who, {"zone_visits": tables}))
    return visitors, visits


@settings(deadline=None)
@given(stays, people)
def test_every_zone_holds_its_persons_once_and_their_visits_by_weight(
    rows: dict[tuple[int, int], int], who: dict[int, tuple[int, int]]
) -> None:
    halves = [{k: n for k, n in rows.items() if k[0] < 10}, {k: n for k, n in rows.items() if k[0] >= 10}]
    visitors, visits = counts([zone_visits(half) for half in halves], who)
    persons = [sum((person, zone) in rows for person in who) for zone in range(ZONES)]
    assert visitors.values.tolist() == [UNIT * number for number in persons]
    expected = np.zeros(ZONES, dtype=np.int64)
    for person in who:
        expected += reference.weighted([rows.get((person, zone), 0) for zone in range(ZONES)], visits.bound)
    assert visits.values.tolist() == expected.tolist()


def test_who_was_there_at_midnight_is_a_visitor_without_a_visit() -> None:
    visitors, visits = counts([zone_visits({(1, 0): 0, (1, 1): 2, (2, 1): 1})], {1: (0, 0), 2: (0, 0)})
    assert visitors.values.tolist() == [UNIT, 2 * UNIT, 0]
    assert visits.values.tolist() == [0, 3 * UNIT, 0]


@pytest.mark.parametrize("hour", [0, 23])
def test_a_day_with_an_empty_hour_is_incomplete_and_a_zone_needs_coverage_at_some_time(hour: int) -> None:
    covered = np.ones((ZONES, 24), dtype=bool)
    covered[0, 1:], covered[1] = False, False
    facts = with_facts(context(PRODUCT, DAY, {}, {}), covered, np.arange(24) == hour)
    for masks in PRODUCT.statuses(facts).values():
        (_, nowhere), (_, incomplete) = masks
        assert nowhere.tolist() == [False, True, False]
        assert incomplete.tolist() == [True] * ZONES
    (_, incomplete) = PRODUCT.statuses(with_facts(facts, covered, np.zeros(24, dtype=bool)))[VISITORS.name][1]
    assert not incomplete.any()
