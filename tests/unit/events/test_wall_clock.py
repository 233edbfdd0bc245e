"""Times without offset are held against the day of their folder, so that another timezone's are noticed."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tasks.events.files import reader
from tasks.events.formats import shipped
from tasks.events.formats.detect import UnreadableFile
from tasks.events.wall_clock import STEP, WallClockTimes, wall_times
from tests.unit.events.factory import NATIVE, csv_bytes, write

BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
DAY = date(2026, 6, 3)
HOUR = 3600 // STEP


def _walls(first: str, hours: Sequence[int]) -> WallClockTimes:
    """So many rows in each hour from the first on."""
    begin = int(datetime.fromisoformat(f"{first}+00:00").timestamp()) // STEP
    return WallClockTimes(Counter({begin + HOUR * n: rows for n, rows in enumerate(hours)}))


def test_a_day_that_begins_and_ends_two_hours_early_is_utc() -> None:
    seen = _walls("2026-06-02T22:00", [100] * 24)
    assert seen.fit_utc_better(DAY, BERLIN, BERLIN)
    assert (seen.within(DAY, BERLIN, BERLIN), seen.within(DAY, BERLIN, UTC)) == (2200, 2400)
    assert not seen.fit_utc_better(DAY, BERLIN, UTC), "it is read so already"
    assert not seen.fit_utc_better(DAY, UTC, UTC)


def test_west_of_greenwich_utc_is_noticed_by_the_end_of_the_day() -> None:
    assert _walls("2026-06-03T04:00", [100] * 24).fit_utc_better(DAY, ZoneInfo("America/New_York"), BERLIN)


@pytest.mark.parametrize(
    ("first", "hours"),
    [
        ("2026-06-03T00:00", [100] * 24),
        ("2026-06-02T22:00", [9, 9, *[100] * 24]),
        ("2026-06-02T20:00", [100] * 28),
        ("2026-06-02T22:00", [100] * 4),
    ],
    ids=["of the day", "with some of the day before", "of more than the day", "of some hours alone"],
)
def test_other_times_are_not_taken_for_utc(first: str, hours: Sequence[int]) -> None:
    assert not _walls(first, hours).fit_utc_better(DAY, BERLIN, BERLIN)


def test_only_times_without_offset_are_counted(tmp_path: Path) -> None:
    times = ["2026-06-03T10:00:00", "2026-06-03T10:01:00Z", "2026-06-03T10:02:00+02:00", "x", ""]
    path = write(tmp_path / "e.csv", csv_bytes([("A", each, "c1", "call") for each in times], NATIVE))
    native = shipped().events["native"]
    seen = wall_times(path, ".csv", native, reader(path, ".csv")(native))
    assert (seen.rows, seen.ends) == (1, (datetime(2026, 6, 3, 10), datetime(2026, 6, 3, 10, 15)))


def test_a_file_that_cannot_be_read_is_unfit(tmp_path: Path) -> None:
    path, native = tmp_path / "e.csv.gz", shipped().events["native"]
    write(path, csv_bytes([("A", "x", "c1", "call")], NATIVE))
    columns = reader(path, ".csv.gz")(native)
    path.write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(UnreadableFile):
        wall_times(path, ".csv.gz", native, columns)
