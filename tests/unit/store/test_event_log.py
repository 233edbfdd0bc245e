"""The log's file: whole lines whoever writes, a size that stays bounded, and never a reason to stop."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tasks.store import event_log
from tasks.store.event_log import EventLog, day_lineage, release_lineage
from tests.full_disk import disk_full_at


@pytest.fixture(autouse=True)
def _nothing_said_yet() -> None:
    event_log._say_once.cache_clear()


def lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("throng.jsonl*"), reverse=True)
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line]


def fill(folder: Path, writer: int) -> None:
    for number in range(200):
        EventLog(folder, most_bytes=4_000, kept=100).write([{"writer": writer, "number": number, "event": "ö" * 40}])


def test_the_log_is_for_this_user_alone(tmp_path: Path) -> None:
    EventLog(tmp_path / "logs").write([{"event": "run started"}])
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs" / "throng.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_a_line_there_is_no_file(tmp_path: Path) -> None:
    EventLog(tmp_path / "logs").write([])
    assert list(tmp_path.iterdir()) == []


def test_processes_that_write_at_once_mix_no_lines_and_lose_none_when_files_change(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, get_context("fork")) as processes:
        list(processes.map(partial(fill, tmp_path), range(4)))
    assert len(list(tmp_path.iterdir())) > 10
    found = {(line["writer"], line["number"]) for line in lines(tmp_path)}
    assert found == {(writer, number) for writer in range(4) for number in range(200)}


def test_so_many_older_files_are_kept_and_no_more(tmp_path: Path) -> None:
    for number in range(10):
        EventLog(tmp_path, most_bytes=0, kept=3).write([{"number": number}])
    names = {"throng.jsonl", *(f"throng.jsonl.{number}" for number in (1, 2, 3))}
    assert {path.name for path in tmp_path.iterdir()} <= names
    assert [line["number"] for line in lines(tmp_path)][-3:] == [7, 8, 9]


def test_a_full_disk_is_said_once_and_the_line_after_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(tmp_path)
    log.write([{"event": "before"}])
    with disk_full_at((tmp_path / "throng.jsonl").stat().st_size + 5):
        log.write([{"event": "cut"}])
        log.write([{"event": "lost"}])
    log.write([{"event": "after"}])
    before, cut, after = (tmp_path / "throng.jsonl").read_text().splitlines()
    assert (json.loads(before)["event"], cut, json.loads(after)["event"]) == ("before", '{"eve', "after")
    (said,) = caplog.messages
    assert str(tmp_path / "throng.jsonl") in said


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    for _ in range(2):
        EventLog(tmp_path / "logs").write([{"event": "lost"}])
    assert len(caplog.messages) == 1


def test_a_name_that_is_no_text_is_written_in_other_letters(tmp_path: Path) -> None:
    EventLog(tmp_path).write([{"subject": os.fsdecode(b"caf\xe9.csv")}])
    (line,) = lines(tmp_path)
    assert line["subject"] == "caf\udce9.csv"


def test_a_number_in_a_name_does_not_outlive_its_file_in_the_log_and_what_leads_through_the_log_stays(
    tmp_path: Path,
) -> None:
    digest, run = "1234567890" * 6 + "abcd", "7d0c4b52-0000-4000-8000-123456789012"
    leads: dict[str, str | int | float | None] = {
        "lineage": "2026-03-01/g2",
        "run": 1234567890,
        "flow_run_id": run,
        "sha256": digest,
        "rho": None,
    }
    subject = "events/date=2026-03-01/sub-4915155500001_20260301120000.csv"
    EventLog(tmp_path).write([{"subject": subject, **leads}])
    assert lines(tmp_path) == [{"subject": "events/date=2026-03-01/sub-NUMBER_20260301120000.csv", **leads}]


def test_a_lineage_is_a_day_s_generation_or_the_period_of_several_days() -> None:
    assert day_lineage("2026-03-01", 2) == release_lineage("2026-03-01", {"2026-03-01": 2}) == "2026-03-01/g2"
    assert release_lineage("2026-03", {"2026-03-01": 2, "2026-03-02": 1}) == "2026-03"
