"""Visitors are distinct persons with a stay in the zone; visits are their stays, by the day on which they began."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.day import FROM_BEFORE, GOES_ON
from tasks.period import Period
from tasks.privacy.bounds import UNIT, Contributions
from tasks.products.draw import counted
from tasks.products.spec import CountContext, DataProduct
from tasks.products.visitors import ARRIVALS, DAY, MONTH, ROLES, VISITORS, WEEK
from tests import reference
from tests.unit.privacy.sources import Seeded, Silence
from tests.unit.products.counting import PLAN, context, with_facts

A_DAY, A_WEEK, A_MONTH = (Period.parse(name) for name in ("2026-05-04", "2026-W19", "2026-05"))
ZONES, GROUPS = len(PLAN.zone_ids), 18
Who = dict[int, tuple[int, int]]
Rows = dict[Any, tuple[int, ...]]
"""By person, then by what else names a row."""

people = st.dictionaries(st.integers(0, 20), st.tuples(st.integers(0, 5), st.integers(0, 2)))
stays = st.dictionaries(
    st.tuples(st.integers(0, 20), st.integers(0, ZONES - 1)),
    st.lists(st.integers(0, 3), min_size=1, max_size=9).map(tuple),
)
states = st.dictionaries(
    st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(0, ZONES - 1)),
    st.tuples(st.integers(0, 90), st.integers(0, 90)),
)
"""Night and work minutes by person, day of the period, and zone."""


def table(rows: Sequence[tuple[int, ...]], *columns: str) -> pa.Table:
    types = {"pseudonym": np.uint64, "zone": np.int32, "overnight": np.int8}
    values = np.array(rows, np.int64).reshape(-1, len(columns)).T
    return pa.table({name: of.astype(types.get(name, np.int16)) for name, of in zip(columns, values, strict=True)})


def stay_rows(of: Rows) -> pa.Table:
    """The stays of each person and zone, given as which midnights cut them."""
    rows = [(person, zone, overnight) for (person, zone), cut in sorted(of.items()) for overnight in cut]
    return table(rows, "pseudonym", "zone", "overnight")


def state_rows(of: Rows) -> pa.Table:
    """Zones and minutes of each person's days."""
    rows = [(person, day, zone, *minutes) for (person, day, zone), minutes in sorted(of.items())]
    return table(rows, "pseudonym", "day", "zone", "night_minutes", "work_minutes")


def halves(of: Rows) -> list[Rows]:
    """Persons below ten, and the others: whole persons, as partitions of the lake have them."""
    return [{key: value for key, value in of.items() if (key[0] < 10) is low} for low in (True, False)]


def counts(product: DataProduct, period: Period, tables: list[pa.Table], who: Who) -> list[Contributions]:
    (count,), (read,) = product.counts, product.reads
    return list(count(context(product, period, who, {read.name: tables})))


@settings(deadline=None)
@given(stays, people)
def test_every_zone_holds_its_persons_once_and_their_visits_by_weight(rows: Rows, who: Who) -> None:
    visitors, visits = counts(DAY, A_DAY, [stay_rows(half) for half in halves(rows)], who)
    persons = [sum((person, zone) in rows for person in who) for zone in range(ZONES)]
    assert visitors.values.tolist() == [UNIT * number for number in persons]
    expected = np.zeros(ZONES * len(ARRIVALS), dtype=np.int64)
    for person in who:
        cut = [rows.get((person, zone), ()) for zone in range(ZONES)]
        began = [sum((one & FROM_BEFORE > 0) is before for one in some) for some in cut for before in (False, True)]
        expected += reference.weighted(began, visits.bound)
    assert visits.values.ravel().tolist() == expected.tolist()


def test_a_stay_over_midnight_is_a_visit_of_today_on_the_day_it_began_and_of_before_on_the_next() -> None:
    visitors, visits = counts(
        DAY,
        A_DAY,
        [stay_rows({(1, 0): (FROM_BEFORE,), (1, 1): (0, GOES_ON), (2, 1): (0,)})],
        dict.fromkeys((1, 2), (0, 0)),
    )
    assert visitors.values.tolist() == [UNIT, 2 * UNIT, 0]
    assert visits.values.tolist() == [[0, UNIT], [3 * UNIT, 0], [0, 0]]


@settings(deadline=None)
@given(states, people)
def test_a_week_and_a_month_hold_each_person_once_a_zone_however_many_days_they_came(rows: Rows, who: Who) -> None:
    tables, expected = [state_rows(half) for half in halves(rows)], np.zeros((ZONES, GROUPS), np.int64)
    for person, zone in {(person, zone) for person, _, zone in rows if person in who}:
        expected[zone, who[person][0] * 3 + who[person][1]] += UNIT
    (week,) = counts(WEEK, A_WEEK, tables, who)
    month, by_role = counts(MONTH, A_MONTH, tables, who)
    assert week.values.tolist() == month.values.tolist() == expected.reshape(ZONES, 6, 3).tolist()
    assert by_role.values.sum(axis=1).tolist() == expected.sum(axis=1).tolist(), "the same persons"


def test_a_role_is_what_the_zone_is_to_the_person() -> None:
    """A home needs 60 night minutes, a workplace 60 work minutes outside the home zone."""
    rows: Rows = {
        (1, 0, 0): (400, 300),  # lives in a, and works there too
        (1, 0, 1): (0, 90),  # works in b
        (1, 1, 2): (5, 59),
        (2, 0, 0): (59, 0),  # nowhere long enough at night
        (2, 1, 1): (0, 480),  # and so a visitor in the only zone of work
        (3, 0, 1): (30, 0),
        (3, 3, 1): (30, 0),  # two nights make a home
        (4, 0, 0): (480, 480),  # not eligible
    }
    _, by_role = counts(MONTH, A_MONTH, [state_rows(rows)], dict.fromkeys((1, 2, 3), (0, 0)))
    found = {
        (zone, role): int(by_role.values[n, m]) // UNIT
        for n, zone in enumerate(PLAN.zone_ids)
        for m, role in enumerate(ROLES)
        if by_role.values[n, m]
    }
    assert found == {
        ("a", "resident"): 1,
        ("a", "visitor"): 1,
        ("b", "resident"): 1,
        ("b", "worker"): 1,
        ("b", "visitor"): 1,
        ("c", "visitor"): 1,
    }


def drawn(product: DataProduct, period: Period, rows: pa.Table, seed: int | None, some: int = 400) -> pa.Table:
    """A release of this many persons, each with these rows."""
    every = pa.concat_tables(
        rows.set_column(0, "pseudonym", pa.array(np.full(len(rows), person, np.uint64))) for person in range(some)
    )
    who = {person: (person % 6, person % 3) for person in range(some)}
    facts = context(product, period, who, {product.reads[0].name: [every]})
    return counted(product, facts, Silence() if seed is None else Seeded(seed))().table


def numbers(release: pa.Table, level: str, column: str = "value") -> np.ndarray:
    """A column of a level by zone."""
    of: np.ndarray = release.filter(pc.equal(release["level"], level))[column].to_numpy()
    return of.reshape(ZONES, -1)


BOTH = state_rows({(0, 0, 0): (400, 0), (0, 0, 1): (0, 400), (0, 1, 1): (0, 0)})
"""Two days of somebody who lives in a and works in b."""


@pytest.mark.parametrize("seed", range(5))
def test_visits_are_never_fewer_than_visitors(seed: int) -> None:
    noisy = drawn(DAY, A_DAY, stay_rows({(0, 0): (FROM_BEFORE,), (0, 2): (0,)}), seed, some=200)
    visits, visitors = numbers(noisy, "zone_visits").sum(axis=1), numbers(noisy, "zone").ravel()
    assert np.all(visits >= visitors - 1e-6)
    assert np.any(np.abs(visits - visitors) < 1e-6) or seed != 0, "noise turned some round"


def test_a_month_s_groups_and_roles_have_the_same_sums_and_so_has_the_zone() -> None:
    noisy = drawn(MONTH, A_MONTH, BOTH, seed=1)
    by_group, by_role, zone = (numbers(noisy, name).sum(axis=1) for name in ("zone_demographic", "zone_role", "zone"))
    assert by_group == pytest.approx(by_role)
    assert zone == pytest.approx(by_group)
    assert not np.allclose(zone, [400, 400, 0], atol=1), "with noise"


def test_a_zone_s_error_is_that_of_its_sum_after_least_squares() -> None:
    """18 groups of sd 48 say the same as 3 roles of sd 48: weighted by their variances, 18 * 3 / (18 + 3) * 48 ** 2."""
    month, week = drawn(MONTH, A_MONTH, BOTH, seed=None), drawn(WEEK, A_WEEK, BOTH, seed=None)
    assert numbers(month, "zone", "se") == pytest.approx(48 * (18 * 3 / 21) ** 0.5)
    assert numbers(week, "zone", "se") == pytest.approx(36 * 18**0.5)
    assert numbers(week, "zone").ravel().tolist() == pytest.approx([400, 400, 0])


@pytest.mark.parametrize(("some", "status"), [(458, "withheld_small"), (459, "estimate")])
def test_a_zone_of_the_week_is_shown_from_three_standard_errors_on(some: int, status: str) -> None:
    week = drawn(WEEK, A_WEEK, BOTH, seed=None, some=some)  # 3 * 152.7 = 458.2
    assert numbers(week, "zone", "status").ravel().tolist() == [status, status, "withheld_small"]


def facts(product: DataProduct, period: Period, covered: np.ndarray, *empty: int) -> CountContext:
    return with_facts(context(product, period, {}, {}), covered, np.isin(np.arange(24), empty))


@pytest.mark.parametrize(("product", "period"), [(DAY, A_DAY), (WEEK, A_WEEK), (MONTH, A_MONTH)])
def test_a_zone_needs_a_cell_at_some_hour_of_the_period_and_nine_tenths_of_its_hours(
    product: DataProduct, period: Period
) -> None:
    covered = np.ones((ZONES, 24), dtype=bool)
    covered[0, 1:], covered[1] = False, False
    for empty, incomplete in (((3, 4), False), ((3, 4, 5), True)):
        masks = product.statuses(facts(product, period, covered, *empty))
        assert list(masks) == [level.name for level in product.levels]
        for (_, nowhere), (_, missing) in masks.values():
            by_zone = nowhere.reshape(ZONES, -1)
            assert by_zone.any(axis=1).tolist() == by_zone.all(axis=1).tolist() == [False, True, False]
            assert missing.all() == missing.any() == incomplete


@pytest.mark.parametrize(("missing", "incomplete"), [(3, False), (4, True)])
def test_a_month_may_lack_three_days(missing: int, incomplete: bool) -> None:
    there = tuple(date(2026, 5, 1) + timedelta(n) for n in range(31 - missing))
    month = replace(facts(MONTH, A_MONTH, np.ones((ZONES, 24), dtype=bool)), ingested=there)
    assert MONTH.statuses(month)["zone_role"][1][1].all() == incomplete
    noisy = counted(MONTH, replace(month, rows=lambda table: iter(())), Silence())().table
    of_zone = noisy.filter(pc.equal(noisy["level"], VISITORS.name))["status"].to_pylist()
    assert of_zone == ["incomplete" if incomplete else "withheld_small"] * ZONES
