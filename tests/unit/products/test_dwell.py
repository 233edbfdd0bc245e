"""Dwell counts visits by how long they last; medians and means follow from the noisy counts alone."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.day import FROM_BEFORE, GOES_ON
from tasks.period import Period
from tasks.privacy.bounds import UNIT, Contributions
from tasks.privacy.derived import StoredRelease
from tasks.privacy.measured import Measured
from tasks.products import dwell
from tasks.products.dimensions import DAY_PARTS
from tasks.products.draw import counted
from tasks.products.dwell import DAILY, WEEKLY
from tasks.products.spec import CountContext, PublicContext
from tests import reference
from tests.unit.privacy.sources import Seeded
from tests.unit.products.counting import PLAN, ZONE, context, with_facts

DAY = Period.day(date(2026, 3, 2))
WEEK = Period.week(DAY.first)
ZONES, PARTS, BINS = len(PLAN.zone_ids), len(DAY_PARTS), len(dwell.BINS)
END = 86_400

Visit = tuple[int, int, int, int]
"""Person, zone, seconds of start and end."""

visits = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, ZONES - 1), st.integers(0, END - 1), st.integers(1, END)).map(
        lambda visit: (*visit[:3], min(visit[2] + visit[3], END))
    ),
    max_size=40,
)
people = st.dictionaries(st.integers(0, 9), st.just((0, 0)))


def stays(of: list[Visit]) -> pa.Table:
    rows = np.array(sorted(of), np.int64).reshape(-1, 4)
    cut = FROM_BEFORE * (rows[:, 2] == 0) + GOES_ON * (rows[:, 3] == END)
    return pa.table(
        {
            "pseudonym": rows[:, 0].astype(np.uint64),
            "zone": rows[:, 1].astype(np.int32),
            "start": rows[:, 2].astype(np.int32),
            "end": rows[:, 3].astype(np.int32),
            "overnight": cut.astype(np.int8),
        }
    )


def counts(of: list[Visit], who: dict[int, tuple[int, int]], day: Period = DAY) -> Contributions:
    (count,) = DAILY.counts
    (contributions,) = count(context(DAILY, day, who, {"stays": [stays(of)]}))
    return contributions


def key_of(visit: Visit) -> tuple[int, int, int] | None:
    """Zone, part of the day and bin of a visit, told apart one by one; None if it began before the day."""
    _, zone, start, end = visit
    if start == 0:
        return None
    part = [start // 3600 < later for later in (6, 10, 15, 19, 24)].index(True)
    minutes = (end - start) / 60
    bins = [(0, 5), (5, 15), (15, 30), (30, 60), (60, 120), (120, 240), (240, 480), (480, 9_999)]
    timed = next(n for n, (low, high) in enumerate(bins) if low <= minutes < high)
    return zone, part, dwell.BINS.index("overnight") if end == END else timed


@settings(deadline=None)
@given(visits, people)
def test_every_visit_that_began_today_is_in_one_bin_by_weight(of: list[Visit], who: dict[int, tuple[int, int]]) -> None:
    found = counts(of, who)
    expected = np.zeros((ZONES, PARTS, BINS), np.int64)
    for person in who:
        own = np.zeros_like(expected)
        for key in [key_of(visit) for visit in of if visit[0] == person]:
            if key:
                own[key] += 1
        expected += np.reshape(reference.weighted(own.ravel().tolist(), found.bound), own.shape)
    assert found.values.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("minutes", "name"), [(4, "0-5"), (5, "5-15"), (14, "5-15"), (60, "60-120"), (479, "240-480"), (480, "480+")]
)
def test_a_bin_holds_its_lower_edge_and_not_its_upper_one(minutes: int, name: str) -> None:
    found = counts([(1, 0, 3600, 3600 + 60 * minutes)], {1: (0, 0)})
    assert found.values[0, 0, dwell.BINS.index(name)] == UNIT == found.values.sum()


def test_the_part_of_the_day_is_that_of_the_clock_when_it_goes_forward() -> None:
    """On 29 March the sixth hour begins at 6 o'clock, one hour earlier than on other days."""
    for day, part in ((date(2026, 3, 29), 1), (date(2026, 10, 25), 0), (DAY.first, 0)):
        found = counts([(1, 0, 5 * 3600, 5 * 3600 + 900)], {1: (0, 0)}, Period.day(day))
        assert found.values[0, part].sum() == UNIT


# Of 2,000 visits by bin, in each part of the day: the median is 30 + 30 * 100 / 400 on a straight scale.
VISITS = np.array([0.0, 300, 600, 400, 300, 200, 150, 50, 0])


def levels(
    drawn: np.ndarray, facts: CountContext | None = None, sigma: float = 48
) -> dict[tuple[str, ...], dict[str, Any]]:
    facts = facts or context(DAILY, DAY, {}, {})
    measured = Measured(drawn, np.full(drawn.shape, sigma**2))
    summary = DAILY.summarise(facts, {"zone_dwell": measured})["dwell_time"]
    table = summary.table("dwell_time", dwell.DWELL_TIME.keys(facts))
    return {(row["zone_id"], row["day_part"], row["statistic"]): row for row in table.to_pylist()}


def test_dwell_times_are_given_for_each_part_and_for_the_whole_day() -> None:
    drawn = np.tile(VISITS, (ZONES, PARTS, 1))
    drawn[1], drawn[2, 1:] = 3.0, 0.0
    found = levels(drawn)
    whole, morning = found["a", "all", "median"], found["a", "morning", "median"]
    for each in (whole, morning):
        assert each["value"] == pytest.approx(np.expm1(np.log1p(30) + 0.25 * np.log(61 / 31)), rel=0.1)
    assert morning["high"] - morning["low"] > whole["high"] - whole["low"], "a part has a fifth of the visits"
    assert {row["status"] for (zone, *_), row in found.items() if zone == "b"} == {"withheld_small"}
    assert found["c", "night", "median"]["status"] == "estimate"
    assert found["c", "all", "upper_quartile"]["status"] == "estimate"
    assert found["c", "morning", "mean"]["status"] == "withheld_small"


def test_the_mean_lies_between_those_of_the_least_and_the_most_that_bins_leave_open() -> None:
    found = levels(np.tile(VISITS, (ZONES, PARTS, 1)), sigma=1)
    mean, least, most = (found["a", "all", name] for name in dwell.MEANS)
    edges = [*dwell.EDGES, 1440]
    low, high = (sum(VISITS[:8] * edge) / 2000 for edge in (edges[:-1], edges[1:]))
    assert mean["value"] == pytest.approx(
        (300 * 10 + 600 * 22.5 + 400 * 45 + 300 * 90 + 200 * 180 + 150 * 360 + 50 * 600) / 2000, rel=1e-3
    )
    assert (least["value"], most["value"]) == pytest.approx((low, high), rel=1e-3)
    assert least["high"] < mean["low"] < mean["value"] < mean["high"] < most["low"]


def test_no_visit_lasts_beyond_the_end_of_the_day() -> None:
    """A visit that began at 19 o'clock and is not overnight took less than five hours; on the long day, one more."""
    found = levels(np.tile(VISITS * 10, (ZONES, PARTS, 1)))
    ends = [found["a", part, "mean_at_most"]["value"] for part in ("all", "morning", "midday", "afternoon", "evening")]
    assert sorted(ends[1:], reverse=True) == ends[1:]
    for day, latest in ((DAY.first, 1440), (date(2026, 10, 25), 1500), (date(2026, 3, 29), 1440)):
        of_zone = dwell.edges(PublicContext(Period.day(day), PLAN, ZONE))
        assert of_zone[0].tolist() == of_zone[1].tolist() == [*dwell.EDGES, latest]
        assert of_zone[5, -3:].tolist() == [240, latest - 1140, latest - 1140]


def test_a_statistic_that_noise_leaves_open_is_withheld() -> None:
    """500 visits are enough to be counted; the noise of eight bins leaves their upper quartile open."""
    drawn = np.tile(VISITS / 4, (ZONES, PARTS, 1))
    drawn[:, 1:] = 0
    found = levels(drawn)
    assert found["a", "night", "upper_quartile"]["status"] == "withheld_small"


def test_visits_that_cannot_be_are_noise() -> None:
    """In the evening no visit takes eight hours and is not overnight."""
    drawn = np.tile(VISITS, (ZONES, PARTS, 1))
    drawn[..., 7] = 900
    found = levels(drawn, sigma=1)
    assert found["a", "evening", "upper_quartile"]["value"] < 120 < found["a", "morning", "upper_quartile"]["value"]


def test_a_zone_without_numbers_tells_nothing_of_the_others() -> None:
    covered = np.ones((ZONES, 24), bool)
    covered[1] = False
    facts, drawn = with_facts(context(DAILY, DAY, {}, {}), covered, np.zeros(24, bool)), np.tile(VISITS, (3, PARTS, 1))
    one = levels(drawn, facts)
    drawn[1] = 5_000
    other = levels(drawn, facts)
    assert [one["a", part, "median"] for part in DAY_PARTS] == [other["a", part, "median"] for part in DAY_PARTS]


def test_a_place_without_a_cell_has_no_dwell_times() -> None:
    covered = np.ones((ZONES, 24), bool)
    covered[1] = False
    facts = with_facts(context(DAILY, DAY, {}, {}), covered, np.zeros(24, bool))
    found = levels(np.tile(VISITS, (ZONES, PARTS, 1)), facts)
    assert {row["status"] for (zone, *_), row in found.items() if zone == "b"} == {"no_coverage"}
    assert found["b", "all", "median"]["value"] is None
    assert DAILY.statuses(facts)["zone_dwell"][0][1].shape == (ZONES, PARTS, BINS)


def test_the_whole_day_is_incomplete_where_a_tenth_of_it_is_missing_and_a_part_where_a_tenth_of_the_part_is() -> None:
    for empty, incomplete in (({3}, {"night"}), ({3, 12}, {"night", "midday"}), ({3, 4, 5}, {"night", "all"})):
        facts = with_facts(context(DAILY, DAY, {}, {}), np.ones((ZONES, 24), bool), np.isin(np.arange(24), [*empty]))
        found = levels(np.tile(VISITS, (ZONES, PARTS, 1)), facts)
        assert {part for (_, part, _), row in found.items() if row["status"] == "incomplete"} == incomplete
        assert {row["status"] for row in found.values()} == {"estimate", "incomplete"}


def released(day: date, seed: int, covered: bool = True, incomplete: bool = False) -> StoredRelease:
    """A day's release of twelve visits a person, 3,000 persons in zone a."""
    who = dict.fromkeys(range(3_000), (0, 0))
    of = [(person, 0, 3600 * 7, 3600 * 7 + 60 * (10 + person % 100)) for person in who]
    facts = context(DAILY, Period.day(day), who, {"stays": [stays(of)]})
    facts = with_facts(facts, np.tile([[True], [covered], [True]], (1, 24)), np.full(24, incomplete))
    return StoredRelease(f"dwell {day}", str(seed), counted(DAILY, facts, Seeded(seed))().table, {}, ())


def week_of(releases: list[StoredRelease]) -> dict[str, list[dict[str, Any]]]:
    public = PublicContext(WEEK, PLAN, ZONE)
    made = WEEKLY.derive(public, releases)
    assert list(made) == [level.name for level in WEEKLY.levels]
    return {level.name: made[level.name].table(level.name, level.keys(public)).to_pylist() for level in WEEKLY.levels}


def test_a_week_is_the_sum_of_its_days_with_errors_of_its_own() -> None:
    releases = [released(day, seed) for seed, day in enumerate(WEEK.days)]
    found = week_of(releases)
    days = [[row for row in each.table.to_pylist() if row["level"] == "zone_dwell"] for each in releases]
    for key, row in enumerate(found["zone_dwell"]):
        assert row["value"] == pytest.approx(sum(day[key]["value"] for day in days))
        assert row["se"] == pytest.approx(48 * 7**0.5)
        assert row["status"] == ("estimate" if row["value"] >= 3 * row["se"] else "withheld_small")
    (median,) = [
        row
        for row in found["dwell_time"]
        if (row["zone_id"], row["day_part"], row["statistic"]) == ("a", "morning", "median")
    ]
    assert median["low"] < 60 < median["high"]
    assert median["high"] - median["low"] < 6


def test_a_day_without_numbers_makes_the_week_incomplete() -> None:
    releases = [released(day, 1, covered=n > 0, incomplete=False) for n, day in enumerate(WEEK.days)]
    found = week_of(releases)
    assert {row["status"] for row in found["zone_dwell"] if row["zone_id"] == "b"} == {"incomplete"}
    assert {row["status"] for row in found["dwell_time"] if row["zone_id"] == "b"} == {"incomplete"}
    assert "estimate" in {row["status"] for row in found["dwell_time"] if row["zone_id"] == "a"}
    releases = [released(day, 1, covered=False, incomplete=n == 3) for n, day in enumerate(WEEK.days)]
    found = week_of(releases)
    assert {row["status"] for row in found["dwell_time"] if row["zone_id"] == "a"} == {"incomplete"}


def test_a_day_that_never_came_makes_the_week_incomplete() -> None:
    found = week_of([released(day, 1) for day in WEEK.days[:6]])
    assert {row["status"] for rows in found.values() for row in rows} == {"incomplete"}
