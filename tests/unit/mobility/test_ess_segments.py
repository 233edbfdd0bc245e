"""Our stays beside the published rules of the European Statistical System, on the same events.

Ours differ in five ways. The zone is that of all cells of a place, not that of each cell. A stay needs 10 minutes,
not 15. It reaches into the silence around it, up to midnight; theirs ends with its events, and the silence between two
zones is a move. A short time in a neighbouring cell does not end ours; theirs has overlapping cells for that. Silence
ends ours after 6 or 10 hours, theirs after 12.
"""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.mobility.key_fields import cell_of, second_of
from tasks.mobility.stays import find_stays
from tasks.simulate import SimulationPlan, simulate
from tests import ess_segments
from tests.simulated_day import SimulatedDay
from tests.true_stays import Places, Score, score
from tests.unit.mobility.test_kernels import arrays_of, keys_of
from tests.unit.mobility.test_stays import CELLS, DAY, POLICY, RULES

ZONES = [-1 if cell.zone is None else cell.zone for cell in CELLS]
FAR_APART = [cell for cell in range(len(CELLS)) if cell in (0, 3)]

gaps = st.lists(st.integers(1, 7200), min_size=1, max_size=6).filter(lambda gaps: sum(gaps) > ess_segments.MIN_STAY)


@st.composite
def clear_days(draw: Any) -> list[tuple[int, int]]:
    """Events of long stays in two places far apart, one after the other, with at most two hours between."""
    second, events = draw(st.integers(0, 20_000)), []
    for turn in range(draw(st.integers(1, 4))):
        cell = FAR_APART[turn % 2]
        events.append((second, cell))
        for gap in draw(gaps):
            second += gap
            events.append((second, cell))
        second += draw(st.integers(1, 7200))
    return [event for event in events if event[0] < RULES.day_seconds]


@given(clear_days())
@settings(max_examples=200, deadline=None)
def test_long_stays_with_short_silence_are_theirs_and_reach_into_the_silence(events: Any) -> None:
    found = find_stays(keys_of(events), arrays_of(CELLS), RULES)
    theirs = ess_segments.stays([(second, ZONES[cell]) for second, cell in events])
    rows = zip(*(column.tolist() for column in found[1:]), strict=True)
    ours = [(zone, start, end, *ends(events, start, end)) for zone, start, end in rows]
    ours = [stay for stay in ours if stay[4] - stay[3] > ess_segments.MIN_STAY]
    assert [zone for zone, *_ in ours] == [stay.zone for stay in theirs]
    for (_, start, end, first, _), stay in zip(ours, theirs, strict=True):
        assert start <= stay.start <= first < stay.end <= end
        assert first - stay.start <= ess_segments.PAD


def ends(events: list[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The first and the last event within a stay."""
    inside = [second for second, _ in events if start <= second <= end]
    return min(inside), max(inside)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Score, Score]:
    """Our stays, and theirs, beside the true ones of a simulated city."""
    landing: Path = tmp_path_factory.mktemp("city") / "landing"
    simulate(landing, SimulationPlan(300, 1, DAY, seed=1))
    ours, _ = score(landing, DAY, POLICY)
    day, rows = SimulatedDay(landing, DAY, POLICY), list[tuple[int, int, int, int]]()
    zone = day.plans.cells.zone
    keys = [(int(key) >> SUBSCRIBER_SHIFT, int(key)) for key in np.sort(day.keys)]
    for person, of_person in groupby(keys, key=lambda pair: pair[0]):
        events = [(int(second_of(key)), int(zone[cell_of(key)])) for _, key in of_person]
        rows += [(person, stay.zone, stay.start, stay.end) for stay in ess_segments.stays(events)]
    return ours, Score(ours.true, Places(*np.array(rows, np.int64).T))


def test_in_a_simulated_city_ours_find_more_true_stays_with_a_smaller_error(both: tuple[Score, Score]) -> None:
    ours, theirs = both
    assert ours.precision() > theirs.precision()
    assert ours.recall() > theirs.recall()
    assert ours.precision(same_zone=True) > theirs.precision(same_zone=True)
    assert np.median(abs(ours.dwell_errors())) < np.median(abs(theirs.dwell_errors()))


def test_the_time_of_their_stays_is_that_of_ours_and_mostly_in_the_same_zone(both: tuple[Score, Score]) -> None:
    ours, theirs = (
        {
            (person, minute): zone
            for person, zone, start, end in zip(*(column.tolist() for column in one.found), strict=True)
            for minute in range(-(-start // 60), end // 60)
        }
        for one in both
    )
    assert len(theirs.keys() & ours.keys()) >= 0.99 * len(theirs)
    assert len(theirs.items() & ours.items()) >= 0.94 * len(theirs)
