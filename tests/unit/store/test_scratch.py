"""Where raw ids rest while a day is read."""

import os
import signal
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.store.scratch import private_folder, remove_unused

DAY, OTHER = date(2026, 3, 3), date(2026, 3, 4)


def _killed(scratch: Path, day: date) -> None:
    """A process that is killed while it reads the day."""
    pid = os.fork()
    if pid == 0:
        with private_folder(scratch, day) as folder:
            folder.panel.write_bytes(b"4915199900001")
            (folder.path / "spilled").write_bytes(b"rows")
            (scratch / f"day-{day}").mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_panel_can_be_read_and_leaves_no_name_behind(tmp_path: Path) -> None:
    with private_folder(tmp_path, DAY) as folder:
        folder.panel.write_bytes(b"4915199900001")
        assert folder.panel.read_bytes() == b"4915199900001"
        assert list(folder.path.iterdir()) == []
        assert folder.path.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "landing").iterdir()) == []


def test_a_killed_run_leaves_no_panel_and_the_next_run_of_any_day_clears_the_rest(tmp_path: Path) -> None:
    _killed(tmp_path, DAY)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["spilled"]
    with private_folder(tmp_path, OTHER) as folder:
        assert list((tmp_path / "landing").iterdir()) == [folder.path]
        assert not (tmp_path / f"day-{DAY}").exists()


def test_what_killed_runs_left_is_removed_without_another_run_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    remove_unused(tmp_path)
    _killed(tmp_path, DAY)
    with private_folder(tmp_path, OTHER) as running:
        _killed(tmp_path, DAY)
        remove_unused(tmp_path)
        assert list((tmp_path / "landing").iterdir()) == [running.path]
        assert not (tmp_path / f"day-{DAY}").exists()


def test_the_folder_of_a_run_that_still_reads_is_left_alone(tmp_path: Path) -> None:
    with private_folder(tmp_path, DAY) as running, private_folder(tmp_path, OTHER):
        assert running.path.is_dir()
        with pytest.raises(StorageUnavailable), private_folder(tmp_path, DAY):
            pass
        assert running.path.is_dir()
