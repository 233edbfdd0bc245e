"""Wall clocks of the landing as UTC: every change of a timezone, beside what Python's own timezones say."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tasks.events.clock import Clock

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
ZONES = (
    "Africa/Casablanca",  # changes for a month, at another time of each year
    "America/New_York",
    "America/St_Johns",  # changed a minute after midnight
    "Asia/Tehran",  # gave its changes up
    "Australia/Lord_Howe",  # changes by half an hour
    "Europe/Berlin",
    "Pacific/Apia",  # skipped a day
    "UTC",
)
"""Clocks of every kind of change."""


def plainly(zone: ZoneInfo, wall: int) -> int | None:
    """The UTC second of a wall-clock second, by its first reading; None if the clock skips it."""
    shown = datetime.fromtimestamp(wall, UTC).replace(tzinfo=None)
    instant = shown.replace(tzinfo=zone).astimezone(UTC)
    return int(instant.timestamp()) if instant.astimezone(zone).replace(tzinfo=None) == shown else None


def read(clock: Clock, walls: list[int], or_in: int = 0) -> list[int | None]:
    """The same by the clock's SQL, of many at once."""
    with duckdb.connect(":memory:") as con:
        query = f"SELECT {clock.utc('wall', or_in)} FROM (SELECT unnest($walls) AS wall)"
        return [second for (second,) in con.execute(query, {"walls": walls}).fetchall()]


@pytest.mark.parametrize("key", ZONES)
def test_seconds_of_thirty_years_are_read_as_the_timezone_says(key: str) -> None:
    zone, clock = ZoneInfo(key), Clock.over(ZoneInfo(key), FIRST, LAST)
    borders = {change.at + offset for change in clock.changes for offset in (change.before, change.after)}
    walls = [border + n for border in borders for n in (-86_400, -1800, -1, 0, 1, 1800, 86_400)]
    walls += range(int(FIRST.timestamp()), int(LAST.timestamp()), 98_765)
    assert read(clock, walls) == [plainly(zone, wall) for wall in walls]
    later = [(plainly(zone, wall), plainly(zone, wall + 3600)) for wall in walls]
    assert read(clock, walls, or_in=3600) == [first if first is not None else second for first, second in later]


def test_outside_its_span_a_clock_has_the_nearest_offset() -> None:
    clock = Clock.over(ZoneInfo("Europe/Berlin"), FIRST, FIRST + timedelta(days=200))
    assert [change.after for change in clock.changes] == [7200]
    before, after = -2_208_988_800, 32_503_679_999
    assert read(clock, [before, after]) == [before - 3600, after - 7200]
