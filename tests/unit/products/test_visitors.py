"""Visitors are distinct persons with a stay in the zone; visits are their stays that began on the day."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.day import FROM_BEFORE, GOES_ON
from tasks.period import Period
from tasks.privacy.bounds import UNIT, Contributions
from tasks.products.visitors import PRODUCT, VISITORS
from tests import reference
from tests.unit.products.counting import PLAN, context, with_facts

DAY = Period.day(date(2026, 3, 2))
ZONES = len(PLAN.zone_ids)

people = st.dictionaries(st.integers(0, 20), st.just((0, 0)))
stays = st.dictionaries(
    st.tuples(st.integers(0, 20), st.integers(0, ZONES - 1)),
    st.lists(st.integers(0, 3), min_size=1, max_size=9).map(tuple),
)


def stay_rows(of: dict[tuple[int, int], tuple[int, ...]]) -> pa.Table:
    """The stays of each person and zone, given as which midnights cut them."""
    rows = [(person, zone, overnight) for (person, zone), cut in sorted(of.items()) for overnight in cut]
    types = {"pseudonym": np.uint64, "zone": np.int32, "overnight": np.int8}
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    return pa.table({name: column.astype(types[name]) for name, column in zip(types, columns, strict=True)})


def counts(tables: list[pa.Table], who: dict[int, tuple[int, int]]) -> tuple[Contributions, Contributions]:
    (count,) = PRODUCT.counts
    visitors, visits = count(context(PRODUCT, DAY, who, {"stays": tables}))
    return visitors, visits


@settings(deadline=None)
@given(stays, people)
def test_every_zone_holds_its_persons_once_and_their_visits_by_weight(
    rows: dict[tuple[int, int], tuple[int, ...]], who: dict[int, tuple[int, int]]
) -> None:
    halves = [{k: n for k, n in rows.items() if k[0] < 10}, {k: n for k, n in rows.items() if k[0] >= 10}]
    visitors, visits = counts([stay_rows(half) for half in halves], who)
    persons = [sum((person, zone) in rows for person in who) for zone in range(ZONES)]
    assert visitors.values.tolist() == [UNIT * number for number in persons]
    expected = np.zeros(ZONES, dtype=np.int64)
    for person in who:
        expected += reference.weighted([began(rows.get((person, zone), ())) for zone in range(ZONES)], visits.bound)
    assert visits.values.tolist() == expected.tolist()


def began(cut: tuple[int, ...]) -> int:
    """How many of a person's stays in a zone began on the day."""
    return sum(overnight & FROM_BEFORE == 0 for overnight in cut)


def test_who_was_there_at_midnight_is_a_visitor_without_a_visit() -> None:
    visitors, visits = counts(
        [stay_rows({(1, 0): (FROM_BEFORE,), (1, 1): (0, GOES_ON), (2, 1): (0,)})], {1: (0, 0), 2: (0, 0)}
    )
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
