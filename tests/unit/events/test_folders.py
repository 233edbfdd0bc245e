"""Folders of days as a mapping names them, files that are no events, and tables that are no folder of files."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import NotArrived, RejectedInput
from tasks.events.folders import IGNORED, dated, day_folders, label_of, labels_of
from tasks.events.formats import Formats, load_formats
from tasks.events.formats.sections import LandingNames
from tasks.events.landing import find_day, first_label
from tests.unit.events.factory import DAY, at, times, write

LATER, DURING = at("2026-03-02T06:00:00+01:00"), at("2026-03-02T05:59:59+01:00")
PATTERNS = {
    "dt=%Y-%m-%d": "dt=2026-03-01",
    "%Y%m%d": "20260301",
    "%Y-%m-%d": "2026-03-01",
    "%d.%m.%Y": "1.3.2026",
    "%Y/%m/%d": "2026/03/01",
    "day %Y_%m_%d [raw]": "day 2026_03_01 [raw]",
}


def mapped(*folders: str, ignore: tuple[str, ...] = ()) -> Formats:
    names = LandingNames(folders=folders, ignore=ignore) if folders else LandingNames(ignore=ignore)
    return Formats.model_validate({"landing": names})


def names(root: Path, formats: Formats | None = None) -> list[str]:
    return [file.name for file in find_day(root, DAY, times(), LATER, formats).files]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_days_folder_is_called_as_the_mapping_says(tmp_path: Path, pattern: Any) -> None:
    file = write(tmp_path / "events" / PATTERNS[pattern] / "a.csv", b"x")
    assert names(tmp_path, mapped(pattern)) == [str(file.relative_to(tmp_path))]
    assert first_label(tmp_path, mapped(pattern)) == DAY


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)), st.sampled_from([*PATTERNS, "date=%Y-%m-%d", "%d%m%Y"]))
def test_a_days_folder_is_read_back_as_that_day_alone(
    tmp_path_factory: pytest.TempPathFactory, day: date, pattern: Any
) -> None:
    events = tmp_path_factory.mktemp("events")
    for folder in day_folders(day, LandingNames(folders=(pattern,))):
        (events / folder).mkdir(parents=True)
    assert {*labels_of(events, LandingNames(folders=(pattern,)))} == {day}


def test_a_missing_folder_is_called_as_the_newest_one_there_is(tmp_path: Path) -> None:
    def missing() -> str:
        with pytest.raises(NotArrived) as refused:
            find_day(tmp_path, DAY, times(), LATER)
        return refused.value.what

    assert f"{tmp_path}/events/date=2026-03-01 is missing" in missing(), "the first pattern, if nothing is there"
    write(tmp_path / "events" / "year=2026" / "month=02" / "day=27" / "a.csv", b"x")
    assert f"{tmp_path}/events/year=2026/month=03/day=01 is missing" in missing()
    write(tmp_path / "events" / "date=2026-02-28" / "a.csv", b"x")
    assert f"{tmp_path}/events/date=2026-03-01 is missing" in missing()


def test_hours_below_a_day_are_read_and_the_days_mark_closes_them(tmp_path: Path) -> None:
    for hour in ("00", "7", "23"):
        write(tmp_path / "events" / "20260301" / f"hour={hour}" / "a.csv", b"x")
    formats = mapped("%Y%m%d/hour=%H")
    assert len(names(tmp_path, formats)) == 3
    assert not find_day(tmp_path, DAY, times(), DURING, formats).closed
    write(tmp_path / "events" / "20260301" / "_COMPLETE", b"")
    assert find_day(tmp_path, DAY, times(), DURING, formats).closed


def test_a_folder_of_hours_that_no_pattern_names_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "events" / "date=2026-03-01" / "hour=00" / "a.csv", b"x")
    with pytest.raises(RejectedInput, match="hour=00"):
        names(tmp_path)


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "desktop.ini", "README.txt", "~$book.xlsx", "a.ctl", "a.csv.MD5", "_SUCCESS", ".hidden", "b~"]
)
def test_files_that_are_never_events_are_ignored(tmp_path: Path, name: str) -> None:
    for each in ("a.csv", name):
        write(tmp_path / "events" / "date=2026-03-01" / each, b"x")
    assert names(tmp_path) == ["events/date=2026-03-01/a.csv"]


def test_the_mapping_ignores_further_files(tmp_path: Path) -> None:
    for each in ("a.csv", "a.flag"):
        write(tmp_path / "events" / "date=2026-03-01" / each, b"x")
    assert len(names(tmp_path)) == 2
    assert names(tmp_path, mapped(ignore=("*.FLAG",))) == ["events/date=2026-03-01/a.csv"]
    assert len(IGNORED) == len({*IGNORED})


def missing(root: Path) -> str:
    with pytest.raises(NotArrived) as refusal:
        names(root)
    return str(refusal.value)


@pytest.mark.parametrize("name", ["2026-03-01", "dt=20260301", "01.03.2026"])
def test_a_folder_that_may_be_the_missing_day_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path / "events" / name / "a.csv", b"x")
    write(tmp_path / "events" / "other" / "a.csv", b"x")
    said = missing(tmp_path)
    assert name in said
    assert "other" not in said


def test_files_that_lie_beside_the_folders_are_counted(tmp_path: Path) -> None:
    for name in ("cdr_20260301.csv", "cdr_20260302.csv", "_log"):
        write(tmp_path / "events" / name, b"x")
    assert " 2 files lie in events/ itself" in missing(tmp_path)


@pytest.mark.parametrize("file", ["_delta_log/0.json", ".hoodie/x", "metadata/v1.metadata.json"])
@pytest.mark.parametrize("below", [".", "date=2026-03-01"])
def test_a_table_with_a_log_of_its_own_is_refused_by_its_kind(tmp_path: Path, file: str, below: str) -> None:
    write(tmp_path / "events" / "date=2026-03-01" / "a.csv", b"x")
    write(tmp_path / "events" / below / file, b"x")
    with pytest.raises(RejectedInput, match=r"Delta|Hudi|Iceberg"):
        names(tmp_path)


def test_another_mapping_is_another_landing(tmp_path: Path) -> None:
    write(tmp_path / "events" / "date=2026-03-01" / "a.csv", b"x")
    (tmp_path / "formats.toml").write_text('[ids]\ncase = "lower"\n')
    changed = load_formats(tmp_path / "formats.toml")
    digests = {find_day(tmp_path, DAY, times(), LATER, each).digest for each in (None, changed)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("events/date=2026-03-01/a.csv", date(2026, 3, 1)),
        ("events/year=2026/month=3/day=01/a.csv", date(2026, 3, 1)),
        ("events/20260301/hour=7/a.csv", date(2026, 3, 1)),
        ("events/20261301/a.csv", None),
        ("a.csv", None),
    ],
)
def test_the_day_of_a_file_is_its_folders(tmp_path: Path, path: str, day: date) -> None:
    names = LandingNames(folders=("date=%Y-%m-%d", "year=%Y/month=%m/day=%d", "%Y%m%d/hour=%H"))
    assert label_of(tmp_path / path, names) == day


def test_folders_that_may_be_days_have_as_many_digits(tmp_path: Path) -> None:
    assert dated(tmp_path / "events") == []
    for name in ("20260301", "dt=2026-03-02", "2026", "`20260303`"):
        (tmp_path / "events" / name).mkdir(parents=True)
    assert dated(tmp_path / "events") == ["20260301", "dt=2026-03-02"]
