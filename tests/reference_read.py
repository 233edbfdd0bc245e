"""Reading in plain Python, one row at a time: slow and obvious, to compare the real reader with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tasks.events.packed_key import REASON_SECOND
from tasks.events.reasons import READ_REASONS, Reason
from tasks.policy import Calendar

WALL = r"[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
OFFSET = r"(?P<offset>Z|[+-]\d\d(:?\d\d)?)"


@dataclass(frozen=True)
class Event:
    """A native row as text, None where the value is missing."""

    subscriber: str | None
    at: str | None
    cell: str | None


@dataclass(frozen=True)
class Span:
    """Seconds of the local day in which something holds, and its rank."""

    rank: int
    first: int
    end: int

    def holds(self, second: int) -> bool:
        return self.first <= second < self.end


@dataclass(frozen=True)
class World:
    """A local day, the policy's times, its panel by subscriber id and its cell versions by cell id."""

    day: date
    time: Calendar
    panel: Mapping[str, Span]
    cells: Mapping[str, Sequence[Span]]

    def judge(self, event: Event, label: date) -> tuple[Reason | None, tuple[int, int, int] | None]:
        """The reason a row of a folder is not used, or None; and what its key holds: subscriber, second, cell."""
        member = self.panel.get(event.subscriber or "")
        if member is None:
            return Reason.NO_CONSENT if (event.subscriber or "").strip() else Reason.MISSING_SUBSCRIBER, None
        outcome = self._judge_member(event, label, member)
        if isinstance(outcome, Reason):
            own = self._month_of(event, label) == f"{self.day:%Y-%m}"
            return outcome, (member.rank, REASON_SECOND, READ_REASONS.index(outcome)) if own else None
        return None, (member.rank, *outcome)

    def _month_of(self, event: Event, label: date) -> str:
        """The month that a row belongs to; without a time it is its folder's."""
        instant = parse(event.at or "", self.time.landing)
        return f"{instant.astimezone(self.time.local) if instant else label:%Y-%m}"

    def unfit(self, event: Event, label: date) -> Reason | None:
        """What is wrong with a row's time or cell, regardless of its subscriber."""
        anybody = Span(0, -(1 << 40), 1 << 40)
        outcome = self._judge_member(event, label, anybody)
        return outcome if isinstance(outcome, Reason) else None

    def _judge_member(self, event: Event, label: date, member: Span) -> Reason | tuple[int, int]:
        if not event.at:
            return Reason.MISSING_TIME
        instant = parse(event.at, self.time.landing)
        if instant is None:
            return Reason.BAD_TIME
        local_day = instant.astimezone(self.time.local).date()
        if local_day != self.day:
            far = timedelta(days=self.time.lateness_days + 1)
            return Reason.OTHER_DAY if label - far <= local_day <= label + timedelta(days=1) else Reason.OUTSIDE_DAY
        second = int((instant - midnight(self.day, self.time.local)).total_seconds())
        if not member.holds(second):
            return Reason.NO_CONSENT
        if event.cell is None or not event.cell.strip():
            return Reason.MISSING_CELL
        if event.cell not in self.cells:
            return Reason.UNKNOWN_CELL
        versions = [version for version in self.cells[event.cell] if version.holds(second)]
        return (second, versions[0].rank) if versions else Reason.EXPIRED_CELL


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day starts."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def parse(text: str, landing: ZoneInfo) -> datetime | None:
    """An instant cut to whole seconds; None if the text is no time, or one that the landing's clock skips."""
    match = re.fullmatch(f"(?P<wall>{WALL})({OFFSET})?", text)
    if not match:
        return None
    try:
        wall = datetime.fromisoformat(match["wall"].replace(" ", "T").partition(".")[0])
    except ValueError:
        return None
    offset = match["offset"]
    if offset is None:
        instant = wall.replace(tzinfo=landing, fold=0).astimezone(UTC)
        return instant if instant.astimezone(landing).replace(tzinfo=None) == wall else None
    if offset == "Z":
        return wall.replace(tzinfo=UTC)
    sign = -1 if offset[0] == "-" else 1
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return (wall - sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))).replace(tzinfo=UTC)
