"""What a phone's events would show of stays at fixed times: the kernel does what its plain twin does."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.day import HOUR, WalkRules
from tasks.mobility.detection import detection_tables
from tasks.mobility.tables import DETECTION
from tasks.mobility.walk import walk_partition
from tasks.mobility.windows import BITS, CLASSES, IN_ZONE, TIMES, WINDOWS, windows
from tasks.products.detection import SHOWN
from tasks.products.dwell import BINS, EDGES
from tests import reference_detection
from tests.reference import Cell
from tests.unit.mobility.test_kernels import SILENCE, STAY, arrays_of, keys_of, limits, silences

CELLS = [Cell(0, 52.0, 13.0), Cell(1, 52.02, 13.0), Cell(None, 52.04, 13.0)]
ARRAYS = arrays_of(CELLS)
Events = list[tuple[int, int]]


def rules_of(hours: int = 24) -> WalkRules:
    hour = np.arange(hours)
    return WalkRules(HOUR * hours, 1e4, 55.0, 5, (hour < 6) | (hour >= 22), (hour >= 9) & (hour < 17), SILENCE, STAY)


@st.composite
def days(draw: st.DrawFn) -> tuple[int, Events]:
    """Hours of a day; events in bursts, since windows of minutes need several."""
    hours = draw(st.sampled_from([23, 24, 25]))
    bursts = draw(st.lists(st.tuples(st.integers(0, HOUR * hours - 1), st.integers(1, 6)), max_size=12))
    near = st.tuples(st.integers(0, 2 * HOUR), st.integers(0, len(CELLS) - 1))
    seconds = [(start + draw(near)[0] * n // 6, draw(near)[1]) for start, size in bursts for n in range(size)]
    return hours, sorted({(min(second, HOUR * hours - 1), cell) for second, cell in seconds})


def unpacked(row: dict[str, int]) -> list[Counter[str]]:
    """What each window shows."""
    counts = [{name: row[window] >> BITS * n & (1 << BITS) - 1 for n, name in enumerate(SHOWN)} for window in WINDOWS]
    return [Counter({name: number for name, number in each.items() if number}) for each in counts]


@given(days(), days(), limits, silences)
@settings(max_examples=150, deadline=None)
def test_windows_show_what_stays_there_would(day, other, limit, silence) -> None:  # type: ignore[no-untyped-def]
    hours, events = day
    rules = rules_of(hours)._replace(stay=limit, silence=silence)
    after = [(min(second, HOUR * hours - 1), cell) for second, cell in other[1]]
    keys = np.sort(np.concatenate([keys_of(events, 3), keys_of(after, 7)]))
    rows = detection_tables(keys, ARRAYS, rules)["detection"].to_pylist()
    expected = {
        who: reference_detection.detection(sorted(of), CELLS, rules) for who, of in ((3, events), (7, after)) if of
    }
    assert {row["subscriber"]: unpacked(row) for row in rows} == expected


def test_every_window_of_a_phone_is_counted_as_often() -> None:
    keys = keys_of([(12 * HOUR, 0)], 5)
    walked = walk_partition(keys, ARRAYS, rules_of(), (DETECTION,))
    (row,) = walked.tables[DETECTION].to_pylist()
    assert [sum(each.values()) for each in unpacked(row)] == [TIMES] * len(WINDOWS)
    assert unpacked(row)[WINDOWS.index("any")] == {"missed": TIMES}, "one event is no stay"
    assert walked.tables[DETECTION].schema.names[1:] == DETECTION.schema.names[1:]


def test_a_phone_that_is_always_heard_shows_each_class_as_itself_and_is_always_there() -> None:
    keys = keys_of([(second, 0) for second in range(0, 24 * HOUR, 30)])
    (row,) = detection_tables(keys, ARRAYS, rules_of())["detection"].to_pylist()
    shown = dict(zip(WINDOWS, unpacked(row), strict=True))
    assert shown["night"] == {"before": TIMES}
    assert shown["afternoon"] == shown["evening"] == {"overnight": TIMES}
    assert shown["both"] == shown["any"] == shown["hour"] == {"found": TIMES}
    for name in WINDOWS[: len(CLASSES)]:
        assert shown[name][name] >= TIMES // 2, "the time in the zone beside the stay makes some longer"


@pytest.mark.parametrize(("later", "hours"), [(0, 1), (1, 0)])
def test_a_phone_has_a_place_in_an_hour_between_events_of_one_zone(later: int, hours: int) -> None:
    noon, no_hold = 12 * HOUR, SILENCE._replace(max_hold=0, max_gap_day=4 * HOUR)
    keys = keys_of([(noon + 2 * HOUR, 0), (noon + 5 * HOUR, later)])
    (row,) = detection_tables(keys, ARRAYS, rules_of()._replace(silence=no_hold))["detection"].to_pylist()
    assert unpacked(row)[WINDOWS.index("hour")]["found"] == hours, "the hour from 15"


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_windows_lie_in_the_day_and_have_the_lengths_of_their_class(hours: int) -> None:
    made = windows(HOUR * hours)
    assert made.min() == 0
    assert made.max() == HOUR * hours
    lengths = (made[: len(CLASSES), :, 1] - made[: len(CLASSES), :, 0] - 2 * IN_ZONE) / 60
    for (least, most), found in zip(CLASSES, lengths, strict=True):
        assert ((found >= least - 1) & (found <= most)).all()


def test_classes_are_those_of_dwell_times() -> None:
    assert set(SHOWN[2:-1]) == set(BINS)
    assert tuple(EDGES[2:]) == tuple(low for low, _ in CLASSES)
