"""In a home whose database is another's, or lost, every command refuses, and nothing is written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.monitoring import refresh_monitoring
from tasks.errors import RefusedRelease
from tasks.store import open_stores

DAY = "2026-03-01"
COMMANDS = (
    "status",
    "status --html",
    f"backfill {DAY} {DAY} --dry-run",
    f"backfill {DAY} {DAY}",
    "daily",
    f"ingest {DAY}",
    f"publish footfall {DAY}",
    f"deliver nordmarkt footfall {DAY}",
    "releases",
    "budget",
)


@pytest.fixture
def lost(home: Path, landing: Path) -> Path:
    """A home that is used without the settings that name its database."""
    open_stores()
    for file in home.glob("catalog.db*"):
        file.unlink()
    return home


def _files(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_refuses_and_leaves_everything_as_it_is(lost: Path, command: str) -> None:
    before = _files(lost)
    ran = CliRunner().invoke(app, command.split())
    assert ran.exit_code == 20, ran.output
    assert "belongs to another installation" in ran.output
    assert _files(lost) == before


def test_a_round_tells_nothing_of_it_and_writes_no_page(lost: Path) -> None:
    before = _files(lost)
    with pytest.raises(RefusedRelease, match="another installation"):
        refresh_monitoring()
    assert _files(lost) == before


def test_doctor_says_so_and_creates_nothing(lost: Path) -> None:
    before = _files(lost)
    ran = CliRunner().invoke(app, ["doctor"])
    assert ran.exit_code == 20
    assert "belongs to another installation" in ran.output
    assert _files(lost) == before
