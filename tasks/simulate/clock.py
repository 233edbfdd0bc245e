"""A local day: people live by the clock on the wall, files count elapsed seconds; on change days they differ."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.period import day_hours
from tasks.simulate.plan import HOUR, Bools, Ints


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
    def wall_hours(self) -> Ints:
        """What the wall clock shows at the start of each elapsed hour."""
        return np.array([hour.astimezone(self.zone).hour for hour in self.hours], np.int32)

    def elapsed(self, wall: Ints) -> Ints:
        """Elapsed seconds at wall-clock seconds; an hour shown twice is its first, a skipped one has no length."""
        shown = np.arange(25)
        first = np.searchsorted(self.wall_hours, shown).clip(max=len(self.hours))
        known = np.append(self.wall_hours, 24)
        hour = np.minimum(wall // HOUR, 24)
        within = np.where(known[first[hour]] == hour, wall % HOUR, 0)
        return np.asarray(np.minimum(HOUR * first[hour] + within, self.seconds), np.int32)

    @cached_property
    def naive_texts(self) -> list[str]:
        """[elapsed second] `2026-03-01 07:00:00`, without an offset."""
        return [text[:19].replace("T", " ") for text in self.offset_texts]

    @cached_property
    def offset_texts(self) -> list[str]:
        """[elapsed second] `2026-03-01T07:00:00+01:00`."""
        return [self.instant(second).isoformat() for second in range(self.seconds)]

    def instant(self, second: int) -> datetime:
        """The local instant at a second of this day, or of days before and after it."""
        return datetime.fromtimestamp(self.epoch + second, UTC).astimezone(self.zone)

    def stamps(self, seconds: Any, missing: Bools | None = None) -> pa.Array:
        """Elapsed seconds as instants, null where they are missing."""
        return instants(self.epoch + seconds.astype(np.int64), missing)


def instants(epochs: NDArray[np.int64], missing: Bools | None = None) -> pa.Array:
    """Epoch seconds as instants, null where they are missing."""
    return pa.array(epochs * 1_000_000, pa.timestamp("us", "UTC"), mask=missing)
