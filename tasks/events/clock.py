"""Times in SQL: ISO 8601 text and timestamps become whole UTC seconds, by the landing's clock if without offset."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

_WALL = r"[12]\d{3}-\d{2}-\d{2}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_OFFSET = r"(Z| ?UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
_DATE = r"[12]\d{3}-\d{2}-\d{2}"

_DAY, _SPAN = 86_400, 86_400_000
_MICROSECONDS, _NANOSECONDS = "(epoch_us({}) // 1000000)", "(epoch_ns({}) // 1000000000)"

INSTANTS = {"TIMESTAMP WITH TIME ZONE": _MICROSECONDS, "TIMESTAMPTZ_NS": _NANOSECONDS}
"""SQL of the whole seconds of each DuckDB type with a timezone; a cast from nanoseconds would round up."""
WALL_CLOCKS = {
    "TIMESTAMP": _MICROSECONDS,
    "TIMESTAMP_S": _MICROSECONDS,
    "TIMESTAMP_MS": _MICROSECONDS,
    "TIMESTAMP_NS": _NANOSECONDS,
}
"""The same of each type without."""
TIMESTAMPS = INSTANTS.keys() | WALL_CLOCKS.keys()


@dataclass(frozen=True)
class OffsetChange:
    """A change of a timezone's clock: the instant (epoch seconds), and the offsets (seconds) before and after it."""

    at: int
    before: int
    after: int


@dataclass(frozen=True)
class Clock:
    """The landing's local time over a span of days: its changes, and its offset after the last (seconds)."""

    changes: tuple[OffsetChange, ...]
    offset: int

    @classmethod
    @cache
    def over(cls, zone: ZoneInfo, first: datetime, last: datetime) -> "Clock":
        """The clock of a timezone between two instants; outside them the nearest offset is used."""
        days = (last - first).days + 1
        instants = [first + timedelta(days=n) for n in range(days + 1)]
        offsets = [_offset(zone, instant) for instant in instants]
        between = zip(pairwise(instants), pairwise(offsets), strict=True)
        changes = tuple(_shift(zone, *around) for around, (before, after) in between if before != after)
        return cls(changes, offsets[-1])

    def utc(self, wall: str, or_in: int = 0) -> str:
        """SQL of the UTC second of a wall-clock second: first reading of a repeated hour, NULL in a skipped one.

        `or_in`: seconds to add on the clock if that second is skipped.
        """
        if not self.changes:
            return f"({wall} - ({self.offset}))"
        # The list of one names the second, so that a long expression is not repeated in every branch.
        walls = f"[{wall}, {wall} + {or_in}]" if or_in else f"[{wall}]"
        read = f"list_transform({walls}, lambda wall: {self._read})"
        return f"list_filter({read}, lambda second: second IS NOT NULL)[1]" if or_in else f"{read}[1]"

    @cached_property
    def _read(self) -> str:
        """SQL of what `wall` means: by the next change of its span of time, which holds one at most.

        A branch for each change would take longer to plan than a small register to read.
        """
        width = min((later.at - one.at for one, later in pairwise(self.changes)), default=_SPAN) - _DAY
        first, passed = self.changes[0].at - _SPAN, OffsetChange(self.changes[0].at - 2 * _SPAN, 0, self.offset)
        spans = range(first, self.changes[-1].at + _SPAN, width)
        ends = [change.at + max(change.before, change.after) for change in self.changes]
        next_ = [(*self.changes, passed)[bisect_right(ends, begin)] for begin in spans]
        place = f"greatest(1, least({len(spans)}, (wall - ({first})) // {width} + 1))"
        numbers = zip(
            *((each.at + each.before, each.before, each.at + each.after, each.after) for each in next_), strict=True
        )
        # A cast of text is one constant; a list would be planned number by number.
        end, before, begin, after = (f"CAST('{list(each)}' AS BIGINT[])[{place}]" for each in numbers)
        return f"CASE WHEN wall < {end} THEN wall - {before} WHEN wall >= {begin} THEN wall - {after} END"

    def seconds(self, column: str, type_: str) -> str:
        """SQL of a column's whole UTC seconds (BIGINT), NULL where it is not a time of day on a date."""
        if type_ in INSTANTS:
            return INSTANTS[type_].format(column)
        if type_ in WALL_CLOCKS:
            return self.utc(WALL_CLOCKS[type_].format(column))
        return (
            f"(CASE WHEN regexp_full_match({column}, '{_WALL}{_OFFSET}') THEN {_second(column, 'TIMESTAMPTZ')}"
            f" WHEN regexp_full_match({column}, '{_WALL}') THEN {self.utc(_second(column))} END)"
        )

    def day_after(self, column: str, type_: str) -> str:
        """SQL of the UTC second in which the day after a date alone begins; NULL where the value is more or less."""
        text = column if type_ == "VARCHAR" else f"CAST({column} AS VARCHAR)"
        wall = f"({_second(text)} + 86400)"
        if type_ in TIMESTAMPS:
            return "NULL::BIGINT"
        return f"(CASE WHEN {_dated(text)} THEN {self.utc(wall, or_in=3600)} END)"

    def midnight(self, column: str, type_: str) -> tuple[str, str]:
        """SQL of a column in which a date alone is its first instant, and its type: in registers dates are usual."""
        if type_ == "DATE":
            return f"CAST({column} AS TIMESTAMP)", "TIMESTAMP"
        if type_ in TIMESTAMPS:
            return column, type_
        text = f"CAST({column} AS VARCHAR)"
        return f"(CASE WHEN {_dated(text)} THEN {text} || ' 00:00' ELSE {text} END)", "VARCHAR"


def _dated(text: str) -> str:
    """SQL: text is a date alone; comparing its length first costs a tenth."""
    return f"strlen({text}) = 10 AND regexp_full_match({text}, '{_DATE}')"


def _second(column: str, type_: str = "TIMESTAMP") -> str:
    """SQL of the second since 1970 of a wall clock; as TIMESTAMPTZ of the instant, for text with an offset.

    DuckDB reads text with an offset as TIMESTAMP too, and ignores the offset.
    """
    return _MICROSECONDS.format(f"TRY_CAST({column} AS {type_})")


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _shift(zone: ZoneInfo, before: datetime, after: datetime) -> OffsetChange:
    """The one change between two instants, found by halving."""
    low, high = int(before.timestamp()), int(after.timestamp())
    first, last = _offset(zone, before), _offset(zone, after)
    while high - low > 1:
        middle = (low + high) // 2
        unchanged = _offset(zone, datetime.fromtimestamp(middle, UTC)) == first
        low, high = (middle, high) if unchanged else (low, middle)
    return OffsetChange(high, first, last)
