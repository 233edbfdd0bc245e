"""Calendar periods in the network's local time: day, ISO week, month; half open."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from tasks.errors import Misconfigured


class Cadence(StrEnum):
    """The length of a period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_WORDS = {
    Cadence.DAY: re.compile(r"[12]\d{3}-\d{2}-\d{2}"),
    Cadence.WEEK: re.compile(r"[12]\d{3}-W\d{2}"),
    Cadence.MONTH: re.compile(r"[12]\d{3}-\d{2}"),
}
"""Years from 1000 to 2999, so that the days around a period exist too."""


@dataclass(frozen=True, order=True)
class Period:
    """One day (`2026-03-01`), ISO week (`2026-W10`) or month (`2026-03`) of network-local days."""

    first: date
    cadence: Cadence

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read a period as written by users; raises Misconfigured with the three forms."""
        try:
            if _WORDS[Cadence.DAY].fullmatch(text):
                return cls(date.fromisoformat(text), Cadence.DAY)
            if _WORDS[Cadence.WEEK].fullmatch(text):
                return cls(date.fromisocalendar(int(text[:4]), int(text[6:]), 1), Cadence.WEEK)
            if _WORDS[Cadence.MONTH].fullmatch(text):
                return cls(date.fromisoformat(f"{text}-01"), Cadence.MONTH)
        except ValueError as error:
            raise Misconfigured(
                f"'{text[:40]}' is not in the calendar ({error}).",
                "Give an existing period.",
                code="period.not_in_calendar",
            ) from None
        raise Misconfigured(
            f"'{text[:40]}' is not a period.",
            "Write a day 2026-03-01, an ISO week 2026-W10 or a month 2026-03.",
            code="period.unreadable",
        )

    @classmethod
    def day(cls, day: date) -> "Period":
        """The period of one day."""
        return cls(day, Cadence.DAY)

    @classmethod
    def month(cls, day: date) -> "Period":
        """The month that holds the day."""
        return cls(day.replace(day=1), Cadence.MONTH)

    @classmethod
    def week(cls, day: date) -> "Period":
        """The ISO week that holds the day."""
        return cls(day - timedelta(days=day.weekday()), Cadence.WEEK)

    @classmethod
    def holding(cls, cadence: Cadence, day: date) -> "Period":
        """The period of this cadence that holds the day."""
        return {Cadence.DAY: cls.day, Cadence.WEEK: cls.week, Cadence.MONTH: cls.month}[cadence](day)

    @property
    def end(self) -> date:
        """The first day after the period."""
        if self.cadence is Cadence.MONTH:
            return (self.first + timedelta(days=31)).replace(day=1)
        return self.first + timedelta(days=7 if self.cadence is Cadence.WEEK else 1)

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of the period, in order."""
        return tuple(days_of(self.first, self.end - timedelta(days=1)))

    @property
    def months(self) -> tuple[str, ...]:
        """The calendar months touched, ascending, as `YYYY-MM`."""
        return tuple(sorted({f"{day:%Y-%m}" for day in self.days}))

    def __str__(self) -> str:
        if self.cadence is Cadence.MONTH:
            return f"{self.first:%Y-%m}"
        if self.cadence is Cadence.WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        return self.first.isoformat()


def days_of(first: date, last: date) -> list[date]:
    """Every day of a range, both ends included; none of a range that ends before it begins."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def clock(at: datetime, zone: ZoneInfo, to: str = "minutes") -> str:
    """Format an instant on the network's clock, with offset: `2026-03-01 09:00+01:00`."""
    return at.astimezone(zone).isoformat(" ", to)


def day_hours(day: date, zone: ZoneInfo) -> tuple[datetime, ...]:
    """UTC start instants of a local day's 23, 24 or 25 hours. Raises Misconfigured for other clock shifts."""
    start, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
    hours, rest = divmod(end - start, timedelta(hours=1))
    if rest or hours not in (23, 24, 25):
        raise Misconfigured(
            f"On {day} the clocks of {zone.key} shift by something other than one whole hour.",
            "Throng counts whole hours: choose another timezone in policy.toml [time].",
            code="policy.clock_shift",
        )
    return tuple(start + timedelta(hours=n) for n in range(hours))
