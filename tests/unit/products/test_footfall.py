"""Footfall counts each eligible person once an hour, in the zone and in the demographic cell where they were."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.demographics import AGE_BANDS, GENDERS
from tasks.errors import StepFailed
from tasks.period import Period
from tasks.privacy.bounds import Contributions
from tasks.products.dimensions import slot_starts
from tasks.products.draw import counted
from tasks.products.footfall import DISTRICT_HOUR_DEMOGRAPHIC, PRODUCT, SLOTS, ZONE_HOUR, ZONE_SLOT
from tasks.products.shared_sums import relation
from tests.unit.privacy.sources import Silence
from tests.unit.products.counting import PLAN, POLICY, SLOT_POLICY, context, with_facts

DAY = Period.day(date(2026, 3, 2))
HOURS = 24
FULL = np.ones((3, HOURS), dtype=bool)

people = st.dictionaries(st.integers(0, 20), st.tuples(st.integers(0, 5), st.integers(0, 2)))
stays = st.dictionaries(st.tuples(st.integers(0, 20), st.integers(0, HOURS - 1)), st.integers(0, 2))


def presence(rows: dict[tuple[int, int], int]) -> pa.Table:
    order = sorted(rows)
    return pa.table(
        {
            "pseudonym": np.array([person for person, _ in order], dtype=np.uint64),
            "hour": np.array([hour for _, hour in order], dtype=np.int8),
            "zone": np.array([rows[key] for key in order], dtype=np.int32),
        }
    )


def counts(tables: list[pa.Table], who: dict[int, tuple[int, int]]) -> tuple[Contributions, Contributions]:
    (count,) = PRODUCT.counts
    fine, coarse = count(context(PRODUCT, DAY, who, {"presence": tables}))
    return fine, coarse


@settings(deadline=None)
@given(stays, people)
def test_every_key_holds_the_persons_that_a_plain_count_finds(
    rows: dict[tuple[int, int], int], who: dict[int, tuple[int, int]]
) -> None:
    halves = [{k: z for k, z in rows.items() if k[0] < 10}, {k: z for k, z in rows.items() if k[0] >= 10}]
    fine, coarse = counts([presence(half) for half in halves], who)
    public = context(PRODUCT, DAY, who, {})
    keys = ZONE_HOUR.keys(public)
    for zone, start, count in zip(*keys.to_pydict().values(), fine.values.ravel(), strict=True):
        hour = public.hours.index(start)
        at = [p for (p, h), z in rows.items() if (h, PLAN.zone_ids[z]) == (hour, zone) and p in who]
        assert count == len(at)
    keys = DISTRICT_HOUR_DEMOGRAPHIC.keys(public)
    assert keys.column_names == ["district_id", "hour_start", "age_band", "gender"]
    cells = dict(zip(zip(*keys.to_pydict().values(), strict=True), coarse.values.ravel().tolist(), strict=True))
    for (person, hour), zone in rows.items():
        if person in who:
            group = AGE_BANDS[who[person][0]], GENDERS[who[person][1]]
            cells[PLAN.districts[PLAN.district[zone]], public.hours[hour], *group] -= 1
    assert set(cells.values()) == {0}


def test_both_levels_hold_the_same_persons_of_each_district_and_hour() -> None:
    rows = presence({(1, 0): 0, (2, 0): 2, (3, 0): 1, (4, 1): 0})
    fine, coarse = counts([rows], {1: (0, 0), 2: (5, 2), 3: (1, 1)})
    pair = relation(context(PRODUCT, DAY, {}, {}), *PRODUCT.same_persons[0])
    sums = [
        np.bincount(groups, weights=level.values.ravel()).tolist()
        for groups, level in ((pair.first_groups, fine), (pair.second_groups, coarse))
    ]
    assert (pair.first, pair.second) == (fine.level, coarse.level)
    assert sums[0] == sums[1]
    assert sums[0][0] == 2
    assert sums[0][HOURS] == 1


def test_nobody_is_counted_if_nobody_is_eligible() -> None:
    fine, coarse = counts([presence({(1, 0): 0})], {})
    assert not fine.values.any()
    assert not coarse.values.any()


def test_a_person_in_two_zones_of_one_hour_is_refused_as_a_defect() -> None:
    twice = pa.concat_tables([presence({(1, 0): 0}), presence({(1, 0): 1})])
    with pytest.raises(StepFailed) as refused:
        counts([pa.concat_tables([twice] * 15)], {1: (0, 0)})
    assert refused.value.code == "privacy.defect"


def test_a_long_day_has_25_hours_and_a_bound_of_25() -> None:
    public = context(PRODUCT, Period.day(date(2026, 10, 25)), {}, {})
    assert ZONE_HOUR.shape(public) == (3, 25)
    bounds = [[rule.bound for rule in PRODUCT.rules(POLICY, DAY.cadence, hours)] for hours in (23, 24, 25)]
    assert bounds == [[24, 24], [24, 24], [25, 25]]


def test_a_district_has_coverage_where_one_of_its_zones_has() -> None:
    covered = FULL.copy()
    covered[1], covered[2, 0] = False, False
    last = np.arange(HOURS) == HOURS - 1
    facts = with_facts(context(PRODUCT, DAY, {}, {}), covered, last)
    masks = PRODUCT.statuses(facts)
    (_, no_zone), (_, incomplete) = masks["zone_hour"]
    (_, no_district), (_, all_incomplete) = masks["district_hour_demographic"]
    assert no_zone.tolist() == (~covered).tolist()
    assert incomplete[:, -1].all()
    assert not incomplete[:, :-1].any()
    assert not no_district[0].any()
    assert no_district[1].all()
    assert no_district.shape == all_incomplete.shape == (2, HOURS, 6, 3)
    assert all_incomplete[:, -1].all()


CLOCK_DAYS = [DAY, Period.day(date(2026, 3, 29)), Period.day(date(2026, 10, 25))]
"""Of 24, 23 and 25 hours: the first slot has 3, 2 and 4."""


@settings(deadline=None)
@given(stays, people, st.sampled_from(CLOCK_DAYS))
def test_a_slot_counts_each_person_in_the_zone_of_most_of_its_hours(
    rows: dict[tuple[int, int], int], who: dict[int, tuple[int, int]], day: Period
) -> None:
    facts = context(PRODUCT, day, who, {"presence": [presence(rows)]}, SLOT_POLICY)
    hours = [hour.astimezone(facts.timezone).hour for hour in facts.hours]
    rows = {(person, hour): zone for (person, hour), zone in rows.items() if hour < len(hours)}
    facts = context(PRODUCT, day, who, {"presence": [presence(rows)]}, SLOT_POLICY)
    (count,) = PRODUCT.by_levels(facts.rules).counts
    fine, coarse = count(facts)
    expected = np.zeros((3, 8), np.int64)
    for person in who:
        for slot in range(8):
            there = [zone for (p, hour), zone in rows.items() if p == person and hours[hour] // 3 == slot]
            if there:
                expected[max(range(3), key=lambda zone: (there.count(zone), -zone)), slot] += 1
    assert fine.values.tolist() == expected.tolist()
    assert coarse.values.sum(axis=(2, 3))[0].tolist() == (expected[0] + expected[2]).tolist(), "zones of the east"
    assert (fine.bound, coarse.bound) == (8, 8)


@pytest.mark.parametrize(("day", "first"), list(zip(CLOCK_DAYS, (3, 2, 4), strict=True)))
def test_every_day_has_eight_slots_of_the_local_clock_and_a_bound_of_eight(day: Period, first: int) -> None:
    public = context(PRODUCT, day, {}, {}, SLOT_POLICY)
    starts = ZONE_SLOT.keys(public)["slot_start"].to_pylist()[:8]
    assert [start.astimezone(public.timezone).hour for start in starts] == list(range(0, 24, 3))
    assert np.diff(slot_starts(public)).tolist() == [first, *[3] * 6]
    bounds = [rule.bound for rule in PRODUCT.rules(SLOT_POLICY, day.cadence, len(public.hours))]
    assert bounds == [8, 8]


def test_somebody_seen_every_hour_reaches_the_bound_of_slots() -> None:
    everywhere = presence({(1, hour): hour % 3 for hour in range(25)})
    facts = context(PRODUCT, CLOCK_DAYS[2], {1: (0, 0)}, {"presence": [everywhere]}, SLOT_POLICY)
    for sums in SLOTS.counts[0](facts):
        assert (sums.values**2).sum() == 8 == sums.bound


def test_a_slot_has_coverage_at_some_hour_and_is_incomplete_with_an_empty_one() -> None:
    covered = FULL.copy()
    covered[1, 1:] = False
    facts = with_facts(context(PRODUCT, DAY, {}, {}, SLOT_POLICY), covered, np.arange(HOURS) == 4)
    (_, nowhere), (_, incomplete) = SLOTS.statuses(facts)["zone_slot"]
    assert nowhere.tolist() == [[False] * 8, [False, *[True] * 7], [False] * 8]
    assert incomplete.tolist() == [[False, True, *[False] * 6]] * 3


def test_a_policy_with_slots_releases_slots_alone() -> None:
    facts = context(PRODUCT, DAY, {}, {"presence": []}, SLOT_POLICY)
    table = counted(PRODUCT, facts, Silence())().table
    assert table.column_names[:3] == ["level", "zone_id", "slot_start"]
    assert table["level"].unique().to_pylist() == ["zone_slot", "district_slot_demographic"]
    assert table.num_rows == 3 * 8 + 2 * 8 * 18
