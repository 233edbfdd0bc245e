"""A local day: people live by the clock on the wall, files count elapsed seconds; on change days they differ."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tasks.period import day_hours
from tasks.simulate.plan import HOUR, Ints


@dataclass(frozen=True)
class Day:
    """One local day of the network."""

    date: date
    zone: ZoneInfo

    @cached_property
    def hours(self) -> tuple[datetime, ...]:
        """UTC start instants of its 23, 24 or 25 hours."""
        return day_hours(self.date, self.zone)

    @property
    def seconds(self) -> int:
        """Elapsed seconds in the day."""
        return HOUR * len(self.hours)

    @property
    def epoch(self) -> int:
        """Epoch seconds of the day's start."""
        return int(self.hours[0].timestamp())

    @cached_property
    def offsets(self) -> Ints:
        """Seconds from UTC to the wall clock, by elapsed hour."""
        return np.array([_offset(hour, self.zone) for hour in self.hours], np.int32)

    @cached_property
    def wall_hours(self) -> Ints:
        """What the wall clock shows at the start of each elapsed hour."""
        elapsed = HOUR * np.arange(len(self.hours), dtype=np.int32)
        return np.asarray((elapsed + self.offsets - self.offsets[0]) // HOUR, np.int32)

    def elapsed(self, wall: Ints) -> Ints:
        """Elapsed seconds at wall-clock seconds; an hour shown twice is its first, a skipped one has no length."""
        shown = np.arange(25)
        first = np.searchsorted(self.wall_hours, shown).clip(max=len(self.hours))
        known = np.append(self.wall_hours, 24)
        hour = np.minimum(wall // HOUR, 24)
        within = np.where(known[first[hour]] == hour, wall % HOUR, 0)
        return np.asarray(np.minimum(HOUR * first[hour] + within, self.seconds), np.int32)

    @cached_property
    def wall_texts(self) -> Any:
        """[elapsed second] the wall clock as `2026-03-01T07:00:00`, as NumPy text."""
        start = np.datetime64(self.date.isoformat(), "s")
        shift = np.repeat(self.offsets - self.offsets[0], HOUR)
        return np.datetime_as_string(start + np.arange(self.seconds) + shift)

    @cached_property
    def naive_texts(self) -> list[str]:
        """[elapsed second] `2026-03-01 07:00:00`, without an offset."""
        return [text.replace("T", " ") for text in self.wall_texts.tolist()]

    @cached_property
    def offset_texts(self) -> list[str]:
        """[elapsed second] `2026-03-01T07:00:00+01:00`."""
        endings = [text for hour in self.hours for text in [hour.astimezone(self.zone).isoformat()[19:]] * HOUR]
        return [wall + ending for wall, ending in zip(self.wall_texts.tolist(), endings, strict=True)]

    def instant(self, second: int) -> datetime:
        """The local instant at a second of this day, or of days before and after it."""
        return datetime.fromtimestamp(self.epoch + second, UTC).astimezone(self.zone)

    def stamps(self, seconds: Any) -> pa.Array:
        """Elapsed seconds as instants."""
        return pa.array((self.epoch + seconds.astype(np.int64)) * 1_000_000, pa.timestamp("us", "UTC"))


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    shift = instant.astimezone(zone).utcoffset()
    return int((shift or timedelta()).total_seconds())
