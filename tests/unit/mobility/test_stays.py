"""Stays in examples a newcomer can follow, and against what people did in a simulated city."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks import policy_file
from tasks.mobility.day import FROM_BEFORE, GOES_ON, walk_rules
from tasks.mobility.stays import find_stays
from tasks.mobility.tables import MONTH_STATE, STAYS, TRIPS
from tasks.mobility.walk import walk_partition
from tasks.simulate import SimulationPlan, simulate
from tests.reference import Cell
from tests.simulated_day import SimulatedDay
from tests.true_stays import Score, score
from tests.true_trips import trip_score
from tests.unit.mobility.test_kernels import arrays_of, keys_of

POLICY = policy_file.load().policy
DAY = date(2026, 3, 3)
RULES = walk_rules(POLICY, DAY, 16384)
HOME, SHOP, PARK, FAR, OUTSIDE = range(5)
NONE = 0
CELLS = [
    Cell(0, 52.50, 13.40),
    Cell(1, 52.51, 13.41),
    Cell(2, 52.52, 13.40),
    Cell(1, 52.60, 13.60),
    Cell(None, 52.51, 13.42),
]


def minute(hour: int, minutes: int = 0) -> int:
    return 60 * hour + minutes


def tables(*events: tuple[int, int], cells: list[Cell] = CELLS) -> Any:
    """The day's tables by name, of events at a minute in a cell."""
    keys = keys_of([(60 * at, cell) for at, cell in events])
    walked = walk_partition(keys, arrays_of(cells), RULES, (STAYS, TRIPS, MONTH_STATE))
    return {table.name: [tuple(row.values())[1:] for row in rows.to_pylist()] for table, rows in walked.tables.items()}


def stays(*events: tuple[int, int], cells: list[Cell] = CELLS) -> Any:
    """Zone, first and last minute, and which midnights cut it."""
    rows = tables(*events, cells=cells)["stays"]
    return [(zone, start // 60, end // 60, overnight) for zone, start, end, overnight in rows]


def test_a_gap_between_two_zones_is_split_in_the_middle() -> None:
    day = [(minute(12), HOME), (minute(12, 30), HOME), (minute(13), SHOP), (minute(14), SHOP)]
    assert stays(*day) == [(0, minute(10), minute(12, 45), NONE), (1, minute(12, 45), minute(16), NONE)]


def test_a_shorter_time_than_the_minimum_dwell_is_a_move() -> None:
    day = [(minute(12), HOME), (minute(12, 9), HOME), (minute(18), SHOP), (minute(18, 10), SHOP)]
    assert [zone for zone, *_ in stays(*day)] == [1]


def test_a_passage_through_cells_of_one_zone_is_a_stay_from_the_minimum_dwell_on() -> None:
    way = [Cell(0, 52.50, 13.40 + 0.03 * n) for n in range(4)]
    passage = [(minute(12) + 5 * n, n) for n in range(4)]
    ((zone, *_),) = stays(*passage, cells=way)
    assert zone == 0, "whether a phone rests or moves on, nobody asks"
    assert stays(*passage[:2], cells=way) == []


def test_moves_to_neighbouring_cells_and_back_are_one_stay() -> None:
    there_and_back = [(minute(12), HOME), (minute(12, 20), SHOP), (minute(12, 25), PARK), (minute(12, 50), HOME)]
    assert [zone for zone, *_ in stays(*there_and_back)] == [0]
    far = [(minute(12), HOME), (minute(12, 20), FAR), (minute(12, 50), HOME)]
    assert stays(*far) == []
    late = [(minute(12), HOME), (minute(13, 20), SHOP), (minute(15, 1), HOME)]
    assert stays(*late) == []


def test_a_move_to_neighbouring_cells_before_silence_until_midnight_is_no_departure() -> None:
    evening = [(minute(21), HOME), (minute(22), HOME)]
    assert stays(*evening, (minute(22, 30), SHOP)) == [(0, minute(19), minute(24), GOES_ON)]
    assert stays(*evening, (minute(22, 30), SHOP), (minute(22, 50), PARK)) == [(0, minute(19), minute(24), GOES_ON)]
    assert stays(*evening, (minute(22, 30), FAR)) == [(0, minute(19), minute(22, 15), NONE)]
    assert [cut for *_, cut in stays(*evening, (minute(22, 30), SHOP), (minute(22, 40), SHOP))] == [NONE, GOES_ON]
    late = [(minute(18), HOME), (minute(19), HOME), (minute(22, 1), SHOP)]
    assert stays(*late) == [(0, minute(16), minute(20, 30), NONE)]


def test_a_move_to_neighbouring_cells_after_silence_since_midnight_is_no_arrival() -> None:
    morning = [(minute(2), HOME), (minute(7), HOME)]
    assert stays((minute(1, 30), SHOP), *morning) == [(0, 0, minute(9), FROM_BEFORE)]
    assert stays((minute(1, 30), FAR), *morning) == [(0, minute(1, 45), minute(9), NONE)]
    early = [(minute(0, 30), SHOP), (minute(3, 31), HOME), (minute(7), HOME)]
    assert stays(*early) == [(0, minute(2), minute(9), NONE)]


def test_a_stay_between_two_stays_elsewhere_is_no_ping_pong() -> None:
    day = [(minute(12), HOME), (minute(13), HOME), (minute(13, 10), SHOP), (minute(13, 20), SHOP),
           (minute(13, 30), HOME), (minute(14), HOME)]  # fmt: skip
    assert [zone for zone, *_ in stays(*day)] == [0, 1, 0]


BORDER = [
    Cell(0, 52.50, 13.40, {0: 100, 1: 70}),
    Cell(1, 52.51, 13.41, {0: 60, 1: 80}),
    Cell(1, 52.52, 13.40, {1: 90}),
    Cell(None, 52.51, 13.42, {}),
    Cell(None, 52.52, 13.42, {}),
]
"""Cells near a border; the evidence of the second says less than that of the others."""
SURE, UNSURE, OTHER, AWAY, BEYOND = range(5)


def test_the_zone_of_a_stay_is_that_for_which_all_its_cells_speak() -> None:
    assert [zone for zone, *_ in stays((minute(12), UNSURE), (minute(12, 30), UNSURE), cells=BORDER)] == [1]
    day = [(minute(12), UNSURE), (minute(12, 20), SURE), (minute(12, 30), UNSURE)]
    assert [zone for zone, *_ in stays(*day, cells=BORDER)] == [0], "the usual cell once: 160 for zone 0, 150 for 1"
    often = [(minute(12, at), SURE) for at in (10, 13, 15)]
    day = [(minute(12), UNSURE), *often, (minute(12, 30), UNSURE)]
    assert [zone for zone, *_ in stays(*day, cells=BORDER)] == [1], "two events of another cell: 230 for zone 1"


def test_stays_with_most_of_their_cells_in_common_are_in_one_place() -> None:
    there = [(minute(8), SURE), (minute(8, 30), SURE)]
    back = [(minute(20), UNSURE), (minute(20, 30), SURE), (minute(20, 40), UNSURE)]
    assert [zone for zone, *_ in stays(*there, *back, cells=BORDER)] == [0, 0]
    other = [(minute(20), UNSURE), (minute(20, 30), OTHER), (minute(20, 40), UNSURE)]
    assert [zone for zone, *_ in stays(*there, *other, cells=BORDER)] == [0, 1]


def test_half_of_the_cells_are_enough_if_another_stay_lies_between() -> None:
    """Back after a stay elsewhere. Of two stays in a row, a common cell may hear two places."""
    near = [
        Cell(0, 52.50, 13.40, {0: 100}),
        Cell(0, 52.51, 13.40, {0: 10, 1: 90}),
        Cell(0, 52.50, 13.41, {0: 60, 1: 50}),
    ]
    cells = [*near, Cell(2, 52.55, 13.40)]
    there = [(minute(8), 0), (minute(8, 10), 2), (minute(8, 30), 0)]
    back = [(minute(16), 1), (minute(16, 10), 2), (minute(16, 30), 1)]
    between = [(minute(12), 3), (minute(13), 3)]
    assert [zone for zone, *_ in stays(*there, *back, cells=cells)] == [0, 1]
    assert [zone for zone, *_ in stays(*there, *between, *back, cells=cells)] == [0, 2, 0]


def test_stays_of_one_zone_that_touch_are_one() -> None:
    back_and_forth = [(minute(12), SURE), (minute(13), SURE), (minute(13, 30), UNSURE), (minute(14), UNSURE),
                      (minute(14, 30), SURE), (minute(15), SURE)]  # fmt: skip
    near = [Cell(0, 52.50, 13.40, {0: 100, 1: 90}), Cell(1, 52.51, 13.41, {0: 80, 1: 60})]
    assert stays(*back_and_forth, cells=near) == [(0, minute(10), minute(17), NONE)]
    assert [zone for zone, *_ in stays(*back_and_forth, cells=BORDER)] == [0, 1, 0]


def test_a_phone_that_changes_all_its_cells_has_moved_within_the_antennas_zone_or_out_of_it() -> None:
    """Antennas of zone 0 hear a phone in zone 1: only its other cells tell that it went there."""
    near = [Cell(0, 52.50, 13.40, {0: 100}), Cell(0, 52.51, 13.40, {0: 80, 1: 90}), Cell(0, 52.52, 13.40, {0: 50})]
    there = [(minute(8), 0), (minute(9), 2), (minute(10), 0), (minute(10, 31), 1), (minute(11), 1), (minute(12), 1)]
    assert stays(*there, cells=near) == [(0, 0, minute(10, 15), FROM_BEFORE), (1, minute(10, 15), minute(14), NONE)]
    back = [*there, (minute(12, 30), 2)]
    assert [zone for zone, *_ in stays(*back, cells=near)] == [0], "a cell of before: the phone has not moved"
    short = [*there[:4], (minute(10, 40), 1)]
    assert [zone for zone, *_ in stays(*short, cells=near)] == [0], "nine minutes are no stay"
    within = [(at, 2 if cell == 1 else 0) for at, cell in there]
    assert stays(*within, cells=near) == [(0, 0, minute(14), FROM_BEFORE)], "from place to place in one zone"


def test_two_places_of_one_zone_touch_over_a_night_without_events() -> None:
    night = [(minute(0, 10), 0), (minute(0, 30), 0), (minute(10), 2), (minute(10, 30), 2)]
    cells = [Cell(0, 52.50, 13.40), Cell(1, 52.51, 13.41), Cell(0, 52.52, 13.40)]
    assert stays(*night, cells=cells) == [(0, 0, minute(12, 30), FROM_BEFORE)]


def test_a_place_is_outside_if_most_of_its_cells_are() -> None:
    day = [(minute(12), AWAY), (minute(12, 10), OTHER), (minute(13), AWAY)]
    assert [zone for zone, *_ in stays(*day, cells=BORDER)] == [1], "one of two cells"
    assert stays(*day, (minute(13, 10), BEYOND), cells=BORDER) == []
    assert [zone for zone, *_ in stays((minute(12), OTHER), (minute(13), OTHER), cells=BORDER)] == [1]


def test_moves_at_the_ends_of_a_day_say_nothing_of_the_place() -> None:
    day = [(minute(hour), HOME) for hour in range(9, 22, 2)]
    assert stays(*day, (minute(21, 30), SHOP), (minute(21, 35), SHOP)) == [(0, 0, minute(24), FROM_BEFORE | GOES_ON)]
    assert stays((minute(8, 20), SHOP), (minute(8, 25), SHOP), *day) == [(0, 0, minute(24), FROM_BEFORE | GOES_ON)]


def test_moves_at_the_ends_of_a_day_go_to_neighbours_alone() -> None:
    home, way = [(minute(10), HOME), (minute(11), HOME)], [SHOP, FAR]
    for cells in (way, way[::-1]):
        after = [(minute(11, 15 + 8 * n), cell) for n, cell in enumerate(cells)]
        before = [(minute(9, 40 + 8 * n), cell) for n, cell in enumerate(cells)]
        assert stays(*home, *after)[-1][2] < minute(12)
        assert stays(*before, *home)[0][1] > minute(9)


def test_stays_of_two_persons_are_never_one() -> None:
    """In one zone, the first person's stay ends when that of the next one begins."""
    morning, noon = ([(60 * at, HOME) for at in (begin, begin + 10)] for begin in (minute(8), minute(12, 10)))
    found = find_stays(np.concatenate([keys_of(morning), keys_of(noon, subscriber=1)]), arrays_of(CELLS), RULES)
    assert found.subscriber.tolist() == [0, 1]
    assert found.end[0] == found.start[1] == 60 * minute(10, 10)


def test_silence_ends_a_stay_by_day_sooner_than_by_night() -> None:
    assert stays((minute(11), HOME), (minute(17), HOME)) == [(0, minute(9), minute(19), NONE)]
    assert stays((minute(11), HOME), (minute(17, 1), HOME)) == []
    assert stays((minute(0, 30), HOME), (minute(10, 30), HOME)) == [(0, 0, minute(12, 30), FROM_BEFORE)]
    assert stays((minute(0, 30), HOME), (minute(10, 31), HOME)) == []


def test_a_stay_reaches_midnight_over_a_silence_that_is_not_too_long() -> None:
    evening = stays((minute(18), HOME), (minute(19), HOME))
    assert evening == [(0, minute(16), minute(24), GOES_ON)]
    assert stays((minute(17), HOME), (minute(17, 30), HOME)) == [(0, minute(15), minute(19, 30), NONE)]


def test_nobody_stays_outside_the_zones_and_the_way_there_ends_a_stay() -> None:
    day = [(minute(12), HOME), (minute(13), HOME), (minute(14), OUTSIDE), (minute(15), OUTSIDE)]
    assert stays(*day) == [(0, minute(10), minute(13, 30), NONE)]


def test_midnights_cut_the_first_and_the_last_stay_of_the_day() -> None:
    day = [(minute(2), HOME), (minute(7), HOME), (minute(8), SHOP), (minute(14), SHOP), (minute(17), HOME),
           (minute(21), HOME)]  # fmt: skip
    assert [(zone, cut) for zone, *_, cut in stays(*day)] == [(0, FROM_BEFORE), (1, NONE), (0, GOES_ON)]
    assert [cut for *_, cut in stays((minute(2), HOME), (minute(12), HOME), (minute(21), HOME))] == []
    assert [cut for *_, cut in stays(*[(minute(hour), HOME) for hour in (2, 8, 14, 20)])] == [FROM_BEFORE | GOES_ON]


def test_a_trip_leads_from_a_stay_to_the_next_one_elsewhere() -> None:
    day = [(minute(2), HOME), (minute(7), HOME), (minute(8), SHOP), (minute(14), SHOP), (minute(17), HOME),
           (minute(21), HOME)]  # fmt: skip
    assert tables(*day)["trips"] == [(0, 1, 7), (1, 0, 15)]


def test_no_trip_leads_to_the_same_zone_or_over_a_stay_outside_the_zones() -> None:
    home = [(minute(12), HOME), (minute(13), HOME)]
    again = [*home, (minute(20), HOME), (minute(21), HOME)]
    assert (len(stays(*again)), tables(*again)["trips"]) == (2, [])
    out = [*home, (minute(14), OUTSIDE), (minute(15), OUTSIDE), (minute(16), SHOP), (minute(17), SHOP)]
    assert ([zone for zone, *_ in stays(*out)], tables(*out)["trips"]) == ([0, 1], [])
    through = [*home, (minute(14), OUTSIDE), (minute(16), SHOP), (minute(17), SHOP)]
    assert tables(*through)["trips"] == [(0, 1, 13)]


def test_a_month_keeps_the_minutes_of_night_and_work_by_zone() -> None:
    day = [(minute(2), HOME), (minute(8), HOME), (minute(10), SHOP), (minute(16), SHOP), (minute(19), PARK),
           (minute(19, 30), PARK)]  # fmt: skip
    assert tables(*day)["month_state"] == [(0, 360, 0), (1, 0, 480), (2, 120, 0)]


def test_nobody_works_on_a_sunday() -> None:
    sunday = walk_rules(POLICY, date(2026, 3, 8), 16384)
    assert (RULES.work.sum(), sunday.work.sum(), sunday.night.sum()) == (8, 0, 8)


def test_silence_of_a_whole_day_is_no_stay() -> None:
    assert stays() == []
    assert stays((minute(12), HOME)) == []


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("city") / "landing"
    simulate(landing, SimulationPlan(1500, 1, DAY, seed=1))
    return landing


@pytest.fixture(scope="module")
def found(city: Path) -> Score:
    return score(city, DAY, POLICY)[0]


def test_stays_of_a_simulated_city_are_found(found: Score) -> None:
    assert found.precision() >= 0.9
    assert found.recall() >= 0.9
    assert np.median(abs(found.dwell_errors())) <= 10
    assert np.median(abs(found.dwell_errors(inner=True))) <= 10


def test_trips_of_a_simulated_city_are_found_and_lead_between_the_right_districts(city: Path, found: Score) -> None:
    trips = trip_score(found, SimulatedDay(city, DAY, POLICY).plans.zones.district)
    assert trips.precision() >= 0.85
    assert trips.recall() >= 0.8
    assert trips.pairs_right() >= 0.85
