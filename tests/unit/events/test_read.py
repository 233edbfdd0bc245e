"""Reading's rules by example: whose consent, which day, which reading of the clock, which version of a cell."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import StepFailed
from tasks.events.reasons import Reason
from tasks.mobility.key_fields import cell_of, second_of
from tasks.policy import Calendar
from tests.reference_read import Span
from tests.unit.events.factory import DAY, csv_bytes, landing_file, prepare, read, times, write

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
LONGEST = Span(0, 0, 90_000)


def outcome(
    tmp_path: Path,
    at: str,
    cell: str = "c",
    day: date = DAY,
    label: date | None = None,
    time: Calendar | None = None,
    consent: Span = LONGEST,
    cells: dict[str, list[Span]] | None = None,
) -> Reason | tuple[int, int]:
    """The reason that one row of a member is set aside, or its second and its cell's rank."""
    context = prepare(tmp_path, {"s": consent}, cells or {"c": [LONGEST]}, day, time)
    file = write(tmp_path / "e.csv", csv_bytes([("s", at, cell, "data")]))
    found, keys = read([landing_file(file, label or day)], context, tmp_path / "out", partitions=1)
    if found.account.reasons:
        return next(iter(found.account.reasons))
    return second_of(keys[0][0]), cell_of(keys[0][0])


def test_a_repeated_hour_takes_its_first_reading(tmp_path: Path) -> None:
    assert outcome(tmp_path, "2026-10-25T02:30:00", day=AUTUMN) == (9_000, 0)
    assert outcome(tmp_path / "again", "2026-10-25T02:30:00+01:00", day=AUTUMN) == (12_600, 0)
    assert outcome(tmp_path / "last", "2026-10-25T23:59:59", day=AUTUMN) == (89_999, 0)


def test_a_skipped_hour_is_a_bad_time(tmp_path: Path) -> None:
    assert outcome(tmp_path, "2026-03-29T02:30:00", day=SPRING) is Reason.BAD_TIME
    assert outcome(tmp_path / "before", "2026-03-29T01:59:59", day=SPRING) == (7_199, 0)
    assert outcome(tmp_path / "after", "2026-03-29T03:00:00", day=SPRING) == (7_200, 0)


def test_times_without_offset_are_the_landings_clock_not_the_networks(tmp_path: Path) -> None:
    assert outcome(tmp_path, "2026-03-01T09:00:00", time=times(landing="UTC")) == (36_000, 0)


@pytest.mark.parametrize(("second", "inside"), [(35_999, False), (36_000, True), (39_599, True), (39_600, False)])
def test_consent_counts_from_its_second_to_the_second_before_it_ends(tmp_path: Path, second: int, inside: bool) -> None:
    at = f"2026-03-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    expected = (second, 0) if inside else Reason.NO_CONSENT
    assert outcome(tmp_path, at, consent=Span(0, 36_000, 39_600)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("08:59:59", Reason.EXPIRED_CELL),
        ("09:00:00", (32_400, 0)),
        ("10:00:00", (36_000, 1)),
        ("12:00:00", Reason.EXPIRED_CELL),
    ],
)
def test_a_cell_has_the_version_that_stood_at_the_time(tmp_path: Path, at: str, expected: Any) -> None:
    cells = {"c": [Span(0, 32_400, 36_000), Span(1, 36_000, 43_200)]}
    assert outcome(tmp_path, f"2026-03-01T{at}", cells=cells) == expected


def test_an_id_that_was_valid_on_other_days_only_is_an_expired_cell(tmp_path: Path) -> None:
    cells = {"c": [Span(0, 0, 90_000)], "old": [Span(-1, 0, 0)]}
    assert outcome(tmp_path, "2026-03-01T10:00:00", "old", cells=cells) is Reason.EXPIRED_CELL
    assert outcome(tmp_path / "never", "2026-03-01T10:00:00", "other", cells=cells) is Reason.UNKNOWN_CELL
    assert outcome(tmp_path / "none", "2026-03-01T10:00:00", "", cells=cells) is Reason.MISSING_CELL


@pytest.mark.parametrize(
    ("days", "lateness", "reason"),
    [
        (-1, 0, Reason.OTHER_DAY),
        (1, 0, Reason.OTHER_DAY),
        (-2, 0, Reason.OUTSIDE_DAY),
        (2, 0, Reason.OUTSIDE_DAY),
        (-2, 1, Reason.OTHER_DAY),
        (-3, 1, Reason.OUTSIDE_DAY),
    ],
)
def test_a_row_near_its_folders_day_is_of_another_day_and_one_far_away_is_outside(
    tmp_path: Path, days: int, lateness: int, reason: Any
) -> None:
    at = f"{DAY + timedelta(days=days)}T10:00:00"
    assert outcome(tmp_path, at, time=times(lateness=lateness)) is reason


@pytest.mark.parametrize(
    ("day", "label", "at", "entries"),
    [
        (date(2026, 3, 31), date(2026, 3, 31), "2026-03-30T10:00:00", 1),
        (date(2026, 3, 31), date(2026, 3, 31), "2026-04-01T10:00:00", 0),
        (date(2026, 3, 31), date(2026, 3, 31), "2026-05-20T10:00:00", 0),
        (date(2026, 3, 31), date(2026, 3, 31), "no time", 1),
        (date(2026, 3, 31), date(2026, 4, 1), "no time", 0),
        (date(2026, 3, 31), date(2026, 4, 1), "", 0),
        (date(2026, 4, 1), date(2026, 4, 1), "", 1),
    ],
)
def test_a_row_of_another_month_is_in_no_key_that_the_profile_counts(
    tmp_path: Path, day: date, label: Any, at: str, entries: int
) -> None:
    context = prepare(tmp_path, {"s": LONGEST}, {"c": [LONGEST]}, day, times(lateness=1))
    file = write(tmp_path / "e.csv", csv_bytes([("s", at, "c", "data")]))
    found, keys = read([landing_file(file, label)], context, tmp_path / "out", partitions=1)
    assert sum(map(len, keys)) == entries
    assert found.account.total == 1
    assert found.account.kept == 0


def test_a_late_row_counts_for_the_day_it_happened_on(tmp_path: Path) -> None:
    label = DAY + timedelta(days=1)
    assert outcome(tmp_path, "2026-03-01T10:00:00", label=label, time=times(lateness=1)) == (36_000, 0)


def test_who_is_not_in_the_panel_is_only_counted_whatever_else_is_wrong(tmp_path: Path) -> None:
    context = prepare(tmp_path, {"s": LONGEST}, {"c": [LONGEST]})
    rows = [("other", "no time", "", ""), ("", "no time", "c", ""), ("   ", "", "", "")]
    found, keys = read([landing_file(write(tmp_path / "e.csv", csv_bytes(rows)))], context, tmp_path / "out")
    assert found.account.reasons == {Reason.MISSING_SUBSCRIBER: 2, Reason.NO_CONSENT: 1}
    assert [row["reason"] for row in found.quarantine.to_pylist()] == ["missing_subscriber"] * 2
    assert not sum(map(len, keys))


def test_an_empty_panel_and_an_empty_cell_plan_set_every_row_aside(tmp_path: Path) -> None:
    file = landing_file(write(tmp_path / "e.csv", csv_bytes([("s", "2026-03-01T10:00:00", "c", "")])))
    nobody = prepare(tmp_path / "nobody", {}, {"c": [LONGEST]})
    assert read([file], nobody, tmp_path / "a")[0].account.reasons == {Reason.NO_CONSENT: 1}
    nowhere = prepare(tmp_path / "nowhere", {"s": LONGEST}, {})
    assert read([file], nowhere, tmp_path / "b")[0].account.reasons == {Reason.UNKNOWN_CELL: 1}


def test_cell_versions_that_overlap_are_our_defect(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="two versions at one time"):
        outcome(tmp_path, "2026-03-01T10:00:00", cells={"c": [Span(0, 0, 50), Span(1, 49, 90)]})
