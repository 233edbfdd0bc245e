"""Which files belong to a local day, and when they are all there."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import Misconfigured, RejectedInput, StorageUnavailable
from tasks.events.landing import closes_at, find_day, find_register, first_label, labels, unchanged
from tests.few_handles import no_handles
from tests.unit.events.factory import DAY, at, times, write

LATER, DURING = at("2026-03-02T06:00:00+01:00"), at("2026-03-02T05:59:59+01:00")


def put(root: Path, folder: str, *names: str) -> None:
    for name in names:
        write(root / "events" / folder / name, b"x")


def names(root: Path, **changes: Any) -> list[str]:
    return [file.name for file in find_day(root, DAY, times(**changes), LATER).files]


def test_a_folder_is_closed_some_hours_after_its_day_or_by_the_operators_word(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01", "a.csv")
    assert find_day(tmp_path, DAY, times(), LATER).closed
    assert not find_day(tmp_path, DAY, times(), DURING).closed
    put(tmp_path, "date=2026-03-01", "_COMPLETE")
    assert find_day(tmp_path, DAY, times(), DURING).closed


@pytest.mark.parametrize("hive", ["year=2026/month=03/day=01", "year=2026/month=3/day=1"])
def test_folders_may_be_named_by_date_or_by_year_month_and_day(tmp_path: Path, hive: str) -> None:
    put(tmp_path, hive, "a.csv")
    assert names(tmp_path) == [f"events/{hive}/a.csv"]


def test_a_day_of_another_timezone_lies_in_two_folders(tmp_path: Path) -> None:
    assert labels(DAY, times(landing="UTC")) == (DAY - timedelta(days=1), DAY)
    assert labels(DAY, times("America/New_York", "Pacific/Auckland")) == (DAY, DAY + timedelta(days=1))
    assert labels(date(2026, 3, 29), times()) == (date(2026, 3, 29),)


def test_a_landing_knows_its_first_day_whatever_else_lies_there(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    assert first_label(tmp_path) is None
    put(tmp_path, "date=2026-03-02", "a.csv")
    put(tmp_path, "year=2026/month=3/day=1", "a.csv")
    for other in ("date=soon", "date=2026-02-30", "old", "year=x/month=y/day=z"):
        put(tmp_path, other, "a.csv")
    assert first_label(tmp_path) == DAY
    with pytest.raises(Misconfigured, match="is not a folder"):
        first_label(tmp_path / "nowhere")


def test_a_day_closes_when_the_last_of_its_folders_does() -> None:
    assert closes_at(DAY, times()) == LATER
    assert closes_at(DAY, times(lateness=1)) == LATER + timedelta(days=1)


def test_later_folders_are_waited_for_as_long_as_events_may_be_late(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01", "a.csv")
    landing = find_day(tmp_path, DAY, times(lateness=1), LATER)
    assert ([folder.closed for folder in landing.folders], landing.closed) == ([True, False], False)
    put(tmp_path, "date=2026-03-02", "_COMPLETE", "b.csv")
    landing = find_day(tmp_path, DAY, times(lateness=1), LATER)
    assert landing.closed
    assert [file.label for file in landing.files] == [DAY, DAY + timedelta(days=1)]


def test_a_missing_folder_is_named_once_it_is_due_and_awaited_before(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput, match="date=2026-03-01 is missing"):
        find_day(tmp_path, DAY, times(), LATER)
    landing = find_day(tmp_path, DAY, times(), DURING)
    assert (landing.closed, landing.files, landing.newest) == (False, (), None)


def test_a_landing_that_is_no_folder_is_a_setting_to_mend_not_a_day_to_send(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere is not a folder") as wrong:
        find_day(tmp_path / "nowhere", DAY, times(), LATER)
    assert "THRONG_LANDING" in wrong.value.action


def test_a_landing_that_cannot_be_looked_at_is_neither_empty_nor_at_fault(tmp_path: Path) -> None:
    put(tmp_path, f"date={DAY}", "a.csv")
    time = times()
    assert find_day(tmp_path, DAY, time, LATER).files
    with no_handles(), pytest.raises(StorageUnavailable, match=f"{DAY} cannot be looked at"):
        find_day(tmp_path, DAY, time, LATER)


@pytest.mark.parametrize("act", [lambda: None, lambda: find_register(Path("nowhere"), "consents")])
def test_what_is_made_of_files_that_were_exchanged_meanwhile_is_not_kept_nor_they_blamed(act: Any) -> None:
    with pytest.raises(StorageUnavailable, match="The landing changed"), unchanged("The landing", "a", lambda: "b"):
        act()


def test_what_goes_wrong_with_files_that_stay_as_they_are_is_their_fault() -> None:
    with unchanged("The landing", "a", lambda: "a"):
        pass
    with pytest.raises(RejectedInput, match="consents"), unchanged("The landing", "a", lambda: "a"):
        find_register(Path("nowhere"), "consents")


def test_a_closed_folder_without_event_files_is_an_error_not_an_empty_day(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01", "_COMPLETE", "_SUCCESS", ".part.crc", "a.csv.tmp", "b.parquet.filepart")
    with pytest.raises(RejectedInput, match="holds no event file"):
        find_day(tmp_path, DAY, times(), DURING)


def test_a_link_out_of_the_landing_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "elsewhere" / "secret.csv", b"x")
    folder = tmp_path / "landing" / "events" / "date=2026-03-01"
    folder.mkdir(parents=True)
    (folder / "a.csv").symlink_to(outside)
    with pytest.raises(RejectedInput, match="leads out of the landing"):
        find_day(tmp_path / "landing", DAY, times(), LATER)
    (tmp_path / "landing" / "consents.csv").symlink_to(outside)
    with pytest.raises(RejectedInput, match="leads out of the landing"):
        find_register(tmp_path / "landing", "consents")


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01/hour=00", "a.csv")
    with pytest.raises(RejectedInput, match="hour=00, which is not a file"):
        find_day(tmp_path, DAY, times(), LATER)


@pytest.mark.parametrize("name", ["a\x1b[31m.csv", "a`id`.csv", "a\u202egpj.csv", "a\nthrong daily.csv"])
def test_a_name_that_could_be_more_than_a_name_on_a_screen_is_refused_and_not_said(tmp_path: Path, name: str) -> None:
    put(tmp_path, "date=2026-03-01", name)
    with pytest.raises(RejectedInput, match="cannot be printed") as refusal:
        find_day(tmp_path, DAY, times(), LATER)
    assert name not in str(refusal.value)


def test_the_digest_changes_with_any_event_file_or_register(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01", "a.csv")
    seen = {find_day(tmp_path, DAY, times(), LATER).digest}
    for change in (
        lambda: put(tmp_path, "date=2026-03-01", "b.csv"),
        lambda: os.utime(tmp_path / "events/date=2026-03-01/a.csv", (1, 1)),
        lambda: write(tmp_path / "consents.csv", b"x"),
        lambda: write(tmp_path / "consents.csv", b"xy"),
    ):
        change()
        seen.add(find_day(tmp_path, DAY, times(), LATER).digest)
    assert len(seen) == 5
    put(tmp_path, "date=2026-03-02", "of-another-day.csv")
    assert find_day(tmp_path, DAY, times(), LATER).digest in seen


def test_the_newest_file_tells_how_late_the_landing_is(tmp_path: Path) -> None:
    put(tmp_path, "date=2026-03-01", "a.csv", "b.csv")
    for name, stamp in (("a.csv", 10), ("b.csv", 20)):
        os.utime(tmp_path / "events/date=2026-03-01" / name, (stamp, stamp))
    assert find_day(tmp_path, DAY, times(), LATER).newest == at("1970-01-01T00:00:20Z")


def test_a_register_is_there_exactly_once(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput, match=r"none of consents.parquet or consents.csv"):
        find_register(tmp_path, "consents")
    write(tmp_path / "consents.csv", b"x")
    assert find_register(tmp_path, "consents").name == "consents.csv"
    write(tmp_path / "consents.parquet", b"x")
    with pytest.raises(RejectedInput, match="more than one"):
        find_register(tmp_path, "consents")
