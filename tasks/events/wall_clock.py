"""Times without offset against the day of their folder: whether they fit it better in UTC. Counts, never a value."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import duckdb_session
from tasks.events.clock import Clock
from tasks.events.formats.detect import Typed
from tasks.events.formats.sections import EventFormat
from tasks.events.formats.times import seconds
from tasks.events.sample import MEMORY, fetch, rows_of, used

ROWS = 2_000_000
"""The number of sampled rows; the first rows of a sorted file would cover one hour only."""
STEP = 900
"""Seconds of a bin: no timezone is ahead of UTC by a fraction of it."""
CLEAR, SHARE, TIMES = 30, 0.001, 3
"""Rows, and their share, that must lie in the day by UTC alone, and how often as many as by the present zone alone."""
SPAN = 20 * 3600
"""Seconds that nearly all times must span, so that a file is of a whole day."""
_TAIL = 0.005
_EARLY, _LATE = Clock((), 0), Clock((), 3600)


@dataclass(frozen=True)
class WallClockTimes:
    """Rows whose time has no offset, by the bin in which its clock shows them; and the rows that were read."""

    bins: Counter[int]

    @property
    def rows(self) -> int:
        """Rows whose time has no offset."""
        return self.bins.total()

    @property
    def ends(self) -> tuple[datetime, datetime]:
        """On the file's own clock, between which nearly all times lie: those of few rows would be traces of these."""
        last = self._at(1 - _TAIL) + 1
        return _wall(self._at(_TAIL)), _wall(last)

    def _at(self, share: float) -> int:
        places = sorted(self.bins)
        seen = accumulate(self.bins[place] for place in places)
        return next(place for place, rows in zip(places, seen, strict=True) if rows > share * self.rows)

    def within(self, day: date, landing: ZoneInfo, zone: ZoneInfo) -> int:
        """Rows that lie in a day of the landing, if the file's clock is that of `zone`."""
        bins = _bins(day, landing, zone)
        return sum(rows for place, rows in self.bins.items() if place in bins)

    def fit_utc_better(self, day: date | None, landing: ZoneInfo, zone: ZoneInfo) -> bool:
        """Whether hardly anything is lost, and much is gained, if the file's clock is UTC and not that of `zone`."""
        if not self.rows or day is None:
            return False
        first, last = self.ends
        present, other = _bins(day, landing, zone), _bins(day, landing, ZoneInfo("UTC"))
        gained = sum(rows for place, rows in self.bins.items() if place in other and place not in present)
        lost = sum(rows for place, rows in self.bins.items() if place in present and place not in other)
        whole = (last - first).total_seconds() >= SPAN
        return whole and gained >= max(CLEAR, SHARE * self.rows) and gained > TIMES * lost


def wall_times(path: Path, kind: str, format_: EventFormat, columns: Typed) -> WallClockTimes:
    """A file's times without offset as a format reads them; raises UnreadableFile."""
    relation, parameters = rows_of(path, kind, format_, columns)
    times = [used(format_, columns)[name] for name in format_.time.column]
    early, late = (seconds(format_.time, times, clock) for clock in (_EARLY, _LATE))
    query = f"""
        SELECT early // {STEP}, count(*)
        FROM (SELECT {early} AS early, {late} AS late FROM (SELECT * FROM {relation} LIMIT {ROWS}))
        WHERE early <> late GROUP BY ALL
    """
    with duckdb_session.connect(MEMORY, 2, None) as con:
        return WallClockTimes(Counter(dict(fetch(con, query, parameters))))


def zone_notes(seen: WallClockTimes, label: date | None, landing: ZoneInfo, read_in: ZoneInfo) -> tuple[str, ...]:
    """In which timezone times without offset are read, and from when to when they run against the folder's day."""
    if not seen.rows:
        return ()
    first, last = (f"{end:%Y-%m-%d %H:%M}" for end in seen.ends)
    said = f"{seen.rows:,} times without offset are read in {read_in.key}; nearly all lie from {first} to {last}"
    if label is None:
        return (f"{said}.",)
    here, utc = (seen.within(label, landing, zone) / seen.rows for zone in (landing, ZoneInfo("UTC")))
    day = f"{here:.1%} of them lie on the folder's day if they are of {landing.key}, {utc:.1%} if they are UTC"
    better = seen.fit_utc_better(label, landing, read_in)
    return (f"{said}; {day}." + (' They seem to be UTC: `zone = "UTC"`.' if better else ""),)


def _bins(day: date, landing: ZoneInfo, zone: ZoneInfo) -> range:
    """What a clock of `zone` shows within a day of the landing."""
    noon = datetime.combine(day, time(12), landing)
    ahead = (noon.utcoffset() or timedelta()) - (noon.astimezone(zone).utcoffset() or timedelta())
    first = int((datetime.combine(day, time(), UTC) - ahead).timestamp()) // STEP
    return range(first, first + 86_400 // STEP)


def _wall(place: int) -> datetime:
    return datetime.fromtimestamp(place * STEP, UTC).replace(tzinfo=None)
