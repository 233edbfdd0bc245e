"""The walk's rules in examples a newcomer can follow."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks import policy_file
from tasks.mobility.day import COUNT_NAMES, HOUR, walk_rules
from tasks.mobility.tables import MONTH_STATE, PRESENCE, LakeTable
from tasks.mobility.walk import walk_partition
from tasks.period import Cadence
from tests.reference import Cell
from tests.unit.mobility.test_kernels import arrays_of, keys_of

POLICY = policy_file.load().policy
TABLES = (PRESENCE, MONTH_STATE)
RULES = walk_rules(POLICY, date(2026, 3, 2), 16384)
NEAR = [
    Cell(0, 52.50, 13.40),
    Cell(1, 52.51, 13.41),
    Cell(0, 52.505, 13.40),
    Cell(None, 52.6, 13.4),
    Cell(1, 53.5, 10.0),
]


def walked(events: Any, cells: Any = NEAR, rules: Any = RULES) -> Any:
    return walk_partition(keys_of(events), arrays_of(cells), rules, TABLES)


def counts(events: Any, **kwargs: Any) -> Any:
    return {name: int(n) for name, n in zip(COUNT_NAMES, walked(events, **kwargs).counts, strict=True) if n}


def presence(events: Any) -> Any:
    return {row["hour"]: row["zone"] for row in walked(events).tables[PRESENCE].to_pylist()}


def test_two_cells_of_one_zone_in_a_second_are_both_kept_and_a_repeat_is_a_duplicate() -> None:
    assert counts([(5, 0), (5, 2), (5, 0)]) == {"kept": 2, "duplicate": 1}


def test_rows_in_two_zones_at_once_are_all_set_aside() -> None:
    assert counts([(5, 0), (5, 1), (5, 0), (9, 0)]) == {"conflicting_place": 3, "kept": 1}


def test_outside_every_zone_is_a_place_of_its_own() -> None:
    assert counts([(5, 0), (5, 3)]) == {"conflicting_place": 2}
    assert counts([(5, 3), (6, 3)]) == {"kept": 2, "outside_zones": 2}


def test_a_jump_there_and_back_is_impossible_but_never_the_first_or_last_row() -> None:
    assert counts([(0, 0), (60, 4), (120, 0)]) == {"impossible_speed": 1, "kept": 2}
    assert counts([(0, 4), (60, 0), (120, 0)]) == {"kept": 3}
    assert counts([(0, 0), (60, 0), (120, 4)]) == {"kept": 3}


def hours(first: int, last: int, zone: int = 0) -> dict[int, int]:
    return dict.fromkeys(range(first, last + 1), zone)


def between(*events: tuple[int, int]) -> Any:
    """Presence of events between two events outside the zones, a second before and after."""
    return presence([(events[0][0] - 1, 3), *events, (events[-1][0] + 1, 3)])


def test_a_zone_holds_over_a_silence_between_two_of_its_events_longer_by_night() -> None:
    assert between((9 * HOUR, 0), (15 * HOUR, 0)) == hours(9, 15)
    assert between((9 * HOUR, 0), (15 * HOUR + 1, 0)) == hours(9, 10) | hours(13, 15)
    assert between((1 * HOUR, 0), (8 * HOUR, 0)) == hours(1, 8)


def test_a_silence_between_two_zones_is_split_in_the_middle_and_each_holds_two_hours_at_most() -> None:
    assert between((9 * HOUR, 0), (11 * HOUR, 1)) == {9: 0, 10: 1, 11: 1}
    assert between((9 * HOUR, 0), (16 * HOUR, 1)) == hours(9, 10) | hours(14, 16, zone=1)


def test_the_first_event_reaches_back_and_the_last_one_forward_but_never_past_midnight() -> None:
    assert presence([(6 * HOUR, 0), (18 * HOUR, 1)]) == hours(0, 7) | hours(16, 23, zone=1)
    assert presence([(12 * HOUR, 0)]) == hours(10, 13)


def test_an_event_outside_the_zones_ends_the_hold_and_counts_nowhere() -> None:
    assert presence([(600, 0), (1000, 3)]) == {0: 0}


def test_a_tie_goes_to_the_lowest_zone() -> None:
    assert between((3600, 1), (7200 - 2, 0)) == {1: 0}


def test_an_empty_bucket_has_no_rows() -> None:
    empty = walk_partition(np.empty(0, np.int64), arrays_of(NEAR), RULES, TABLES)
    full = walked([(0, 0)])
    assert empty.counts.sum() == 0
    for table in TABLES:
        assert len(empty.tables[table]) == 0
        assert empty.tables[table].schema == full.tables[table].schema
        assert list(full.tables[table].schema)[1:] == list(table.schema)[1:]


def test_long_and_short_days_have_their_own_hours_and_nights() -> None:
    long, short = walk_rules(POLICY, date(2026, 10, 25), 16384), walk_rules(POLICY, date(2026, 3, 29), 16384)
    assert (long.day_seconds, short.day_seconds, RULES.day_seconds) == (90000, 82800, 86400)
    assert (long.night.sum(), short.night.sum(), RULES.night.sum()) == (9, 7, 8)


def test_a_table_has_no_column_that_a_count_adds() -> None:
    with pytest.raises(ValueError, match="member"):
        LakeTable("mine", pa.schema([("member", pa.int64())]), Cadence.DAY, ("member",), PRESENCE.kernel)
