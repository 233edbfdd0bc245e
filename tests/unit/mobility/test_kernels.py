"""Every kernel does what its plain-Python twin does, on small crowded days where the rules meet each other."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.events.packed_key import REASON_SECOND, SUBSCRIBER_SHIFT, pack
from tasks.events.reasons import READ_REASONS
from tasks.mobility import cleaning, key_fields, presence, stays
from tasks.mobility.day import (
    COUNT_NAMES,
    EARTH_RADIUS_M,
    CellArrays,
    Evidence,
    SilenceRules,
    StayRules,
    WalkRules,
    profile_size,
)
from tasks.mobility.tables import MONTH_STATE, PRESENCE, STAYS, TRIPS, WEEK_STATE, LakeTable
from tasks.mobility.walk import walk_partition
from tests import reference
from tests.reference import Cell

HOURS = 3
DAY = HOURS * 3600
zones = st.one_of(st.none(), st.integers(0, 3))
# Two far clusters and steps of a few kilometres, so that the speed rule's limits are often near.
cells = st.lists(
    st.builds(
        Cell,
        zones,
        st.builds(lambda a, b: a + b / 50, st.sampled_from([-0.1, 52.0]), st.integers(0, 9)),
        st.builds(lambda a, b: a + b / 50, st.sampled_from([13.0, 179.9]), st.integers(0, 9)),
        st.one_of(st.none(), st.dictionaries(st.integers(0, 3), st.integers(1, 3), min_size=1)),
        st.sampled_from([1_000.0, 5_000.0, np.inf]),
    ),
    min_size=1,
    max_size=6,
)
seconds = st.one_of(st.integers(0, DAY - 1), st.integers(0, 40), st.sampled_from([3599, 3600, 3601, 7200, DAY - 1]))


SILENCE = SilenceRules(3000, 4500, 1800)
STAY = StayRules(600, 2700)


def arrays_of(cells: list[Cell]) -> CellArrays:
    latitude = np.radians([cell.latitude for cell in cells])
    longitude = np.radians([cell.longitude for cell in cells])
    zone = np.array([-1 if cell.zone is None else cell.zone for cell in cells], np.int32)
    x, y = EARTH_RADIUS_M * longitude, EARTH_RADIUS_M * latitude
    reach = np.array([cell.reach for cell in cells], np.float64)
    return CellArrays(zone, latitude, longitude, x, y, evidence_of(cells), reach)


def evidence_of(cells: list[Cell]) -> Evidence:
    weights = [sorted(cell.weights().items()) for cell in cells]
    start = np.cumsum([0, *(len(of_cell) for of_cell in weights)])
    place, weight = np.array([pair for of_cell in weights for pair in of_cell], np.int32).reshape(-1, 2).T.copy()
    return Evidence(start.astype(np.int32), place, weight)


def rules_of(speed_m: float = 10_000.0, speed_mps: float = 55.0, bound: int = 5) -> WalkRules:
    """Of the types that production has: each other one would be compiled for seconds."""
    return WalkRules(DAY, speed_m, speed_mps, bound, np.arange(HOURS) != 1, np.arange(HOURS) > 0, SILENCE, STAY)


def keys_of(events: list[tuple[int, int]], subscriber: int = 0) -> np.ndarray:
    second, cell = np.array(events, np.int64).reshape(-1, 2).T
    return pack(np.full(len(second), subscriber, np.int64), second, cell)


@st.composite
def days(draw: Any, most: int = 30) -> Any:
    """Cells, and one subscriber's events on them."""
    plan = draw(cells)
    events = draw(st.lists(st.tuples(seconds, st.integers(0, len(plan) - 1)), max_size=most))
    return plan, events


def unpacked(keys: np.ndarray) -> list[tuple[int, int]]:
    return [(int(key_fields.second_of(key)), int(key_fields.cell_of(key))) for key in keys]


@given(days())
@settings(max_examples=150, deadline=None)
def test_conflicts_and_duplicates_are_those_of_the_definition(day: Any) -> None:
    plan, events = day
    keys, counts = np.sort(keys_of(events)), np.zeros(len(COUNT_NAMES), np.int64)
    stop = cleaning.drop_conflicts_and_duplicates(keys, 0, len(keys), arrays_of(plan).zone, counts)
    assert (unpacked(keys[:stop]), *counts[:2]) == reference.conflicts_and_duplicates(events, plan)


@given(days(), st.sampled_from([500.0, 10_000.0]), st.sampled_from([5.0, 55.0]))
@settings(max_examples=150, deadline=None)
def test_impossible_speed_is_judged_against_both_neighbours_at_once(day: Any, speed_m: Any, speed_mps: Any) -> None:
    plan, events = day
    keys, counts = np.sort(keys_of(events)), np.zeros(len(COUNT_NAMES), np.int64)
    rules = rules_of(speed_m=speed_m, speed_mps=speed_mps)
    stop = cleaning.drop_impossible_speed(keys, 0, len(keys), arrays_of(plan), rules, counts)
    expected = reference.impossible_speed(sorted(events), plan, speed_m, speed_mps)
    assert (unpacked(keys[:stop]), counts[cleaning.IMPOSSIBLE]) == expected


silences = st.builds(
    SilenceRules,
    max_gap_day=st.sampled_from([60, 3000]),
    max_gap_night=st.sampled_from([60, 4500]),
    max_hold=st.sampled_from([0, 120, 1800]),
)
limits = st.builds(
    StayRules,
    min_dwell=st.sampled_from([1, 60, 600]),
    max_ping_pong=st.sampled_from([0, 600, 5400]),
)


@given(days(), silences)
@settings(max_examples=200, deadline=None)
def test_presence_is_the_zone_with_most_seconds_of_each_hour(day: Any, silence: Any) -> None:
    plan, events = day
    rules = rules_of()._replace(silence=silence)
    keys = np.sort(np.concatenate([keys_of(events), keys_of(events) + (1 << SUBSCRIBER_SHIFT)]))
    rows = presence.presence_tables(keys, arrays_of(plan), rules)["presence"].to_pylist()
    expected = reference.presence(sorted(events), plan, rules)
    for subscriber in sorted({row["subscriber"] for row in rows}):
        assert {row["hour"]: row["zone"] for row in rows if row["subscriber"] == subscriber} == expected
    assert len(rows) == 2 * len(expected)


@given(days(), limits, silences)
@settings(max_examples=300, deadline=None)
def test_stays_are_those_of_the_definition_and_never_overlap(day: Any, limits: Any, silence: Any) -> None:
    plan, events = day
    rules = rules_of()._replace(stay=limits, silence=silence)
    keys = np.sort(np.concatenate([keys_of(events), keys_of(events) + (1 << SUBSCRIBER_SHIFT)]))
    subscriber, *columns = (column.tolist() for column in stays.find_stays(keys, arrays_of(plan), rules))
    found = [reference.Stay(*row) for row in zip(*columns, strict=True)]
    expected = reference.stays(sorted(events), plan, rules)
    assert found == expected * 2
    assert subscriber == [0] * len(expected) + [1] * len(expected)
    assert all(one.end <= other.start for one, other in pairwise(expected))
    assert all(0 <= stay.start <= stay.end <= DAY for stay in expected)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12), st.integers(1, 16384))
@settings(max_examples=200, deadline=None)
def test_one_subscriber_adds_at_most_the_bound_to_the_profile(rows: Any, bound: Any) -> None:
    profile = np.zeros(len(rows), np.int64)
    cleaning.add_to_profile(np.array(rows, np.int64), bound, profile)
    assert list(profile) == reference.weighted(rows, bound)
    assert sum(int(n) ** 2 for n in profile) <= 64**2 * bound


@st.composite
def buckets(draw: Any) -> Any:
    """Cells, and for some subscribers their events and the reasons of their rows set aside at reading."""
    plan = draw(cells)
    event = st.tuples(seconds, st.integers(0, len(plan) - 1))
    reasons = st.lists(st.integers(0, len(READ_REASONS) - 1), max_size=3)
    people = st.dictionaries(st.integers(5, 12), st.tuples(st.lists(event, max_size=12), reasons), max_size=4)
    return plan, draw(people), draw(st.randoms(use_true_random=False))


@given(buckets())
@settings(max_examples=150, deadline=None)
def test_the_walk_of_a_bucket_is_the_definition_for_each_subscriber_in_any_row_order(bucket: Any) -> None:
    plan, people, random = bucket
    rules = rules_of()
    keys = [
        key
        for subscriber, (events, reasons) in people.items()
        for key in [*keys_of(events, subscriber), *keys_of([(REASON_SECOND, reason) for reason in reasons], subscriber)]
    ]
    random.shuffle(keys)
    tables = (PRESENCE, STAYS, TRIPS, WEEK_STATE, MONTH_STATE)
    walked = walk_partition(np.array(keys, np.int64), arrays_of(plan), rules, tables)
    counts, profile = Counter[str](), np.zeros(profile_size(rules), np.int64)
    expected: dict[LakeTable, list[tuple[int, ...]]] = {table: [] for table in tables}
    for subscriber, (events, reasons) in sorted(people.items()):
        kept, conflicting, duplicate = reference.conflicts_and_duplicates(events, plan)
        kept, impossible = reference.impossible_speed(kept, plan, rules.speed_m, rules.speed_mps)
        outside = sum(plan[cell].zone is None for _, cell in kept)
        counts.update(a=conflicting, b=duplicate, c=impossible, d=len(kept), e=outside)
        rows = [sum(second // 3600 == hour for second, _ in kept) for hour in range(HOURS)]
        rows += [reasons.count(reason) for reason in range(len(READ_REASONS))]
        profile += np.array(reference.weighted(rows, rules.profile_bound), np.int64)
        of = reference.stays(kept, plan, rules)
        month = reference.month_state(of, rules)
        hours = sorted(reference.presence(kept, plan, rules).items())
        found: tuple[Any, ...] = (
            hours,
            reference.stay_rows(of, DAY),
            reference.trips(of),
            [row[:1] for row in month],
            month,
        )
        for table, their in zip(tables, found, strict=True):
            expected[table] += [(subscriber, *row) for row in their]
    for table in tables:
        assert [tuple(row.values()) for row in walked.tables[table].to_pylist()] == expected[table]
        assert walked.tables[table].schema.names[1:] == table.schema.names[1:]
    assert list(walked.counts) == [counts[name] for name in "abcde"]
    assert list(walked.profile) == list(profile)


def test_a_kernel_runs_without_linear_algebra_which_can_be_loaded_later() -> None:
    code = """
import sys, numpy as np
import tasks.events.jit
from numba import njit
njit(lambda x: x.sum())(np.arange(3))
print(*{"scipy.linalg"} & sys.modules.keys())
import scipy.linalg
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == "\n"
