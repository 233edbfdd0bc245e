"""Periods are network-local, half open, and know their months and hours."""

import pickle
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import Misconfigured, RejectedInput
from tasks.period import Cadence, Period, clock, day_hours, day_start

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("text", ["2026-03-01", "2026-W10", "2020-W53", "2026-03", "2024-02-29"])
def test_a_period_is_written_as_it_is_read(text: str) -> None:
    assert str(Period.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-02-30", "2026-W54", "2025-W53", "2026", "../etc", "2026-03-01 ", "20260301", "9999-12-31"]
)
def test_what_is_not_a_period_is_refused_with_the_three_forms_or_the_reason(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Period.parse(text)
    assert "2026-W10" in str(refused.value) or "calendar" in str(refused.value)


def test_a_week_over_a_month_border_touches_both_months() -> None:
    assert Period.parse("2026-W14").months == ("2026-03", "2026-04")
    assert Period.parse("2026-W10").months == ("2026-03",)


def test_a_week_over_new_year_touches_both_years() -> None:
    assert Period.parse("2020-W53").months == ("2020-12", "2021-01")


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(Cadence))
def test_every_day_lies_in_its_period_and_in_no_neighbour(day: date, cadence: Cadence) -> None:
    period = Period.holding(cadence, day)
    assert day in period.days
    assert Period.parse(str(period)) == period
    assert period.first == period.days[0]
    assert period.end == period.days[-1] + timedelta(days=1)
    assert Period.holding(cadence, period.end) != period


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_local_day_has_23_or_25_hours_when_the_clock_changes(day: str, hours: int) -> None:
    starts = day_hours(date.fromisoformat(day), BERLIN)
    assert len(starts) == hours
    assert len(set(starts)) == hours
    assert starts[0] == day_start(date.fromisoformat(day), BERLIN)


def test_a_day_starts_at_local_midnight() -> None:
    assert day_start(date(2026, 7, 1), BERLIN) == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_a_clock_that_shifts_by_half_an_hour_is_refused() -> None:
    with pytest.raises(Misconfigured, match="Lord_Howe"):
        day_hours(date(2026, 4, 5), ZoneInfo("Australia/Lord_Howe"))


def test_a_day_that_the_calendar_skipped_is_refused() -> None:
    with pytest.raises(Misconfigured):
        day_hours(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))


def test_an_error_survives_pickling_with_both_sentences() -> None:
    error = RejectedInput("File a is cut.", "Send it again.")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.what, copy.action, str(copy)) == (RejectedInput, error.what, error.action, str(error))


def test_a_moment_is_shown_on_the_networks_clock_with_its_offset() -> None:

    assert clock(datetime(2026, 3, 1, 8, tzinfo=UTC), BERLIN) == "2026-03-01 09:00+01:00"
    assert clock(datetime(2026, 7, 1, 8, 0, 5, tzinfo=UTC), BERLIN, "seconds") == "2026-07-01 10:00:05+02:00"
