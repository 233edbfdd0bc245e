"""`throng init` makes a folder from which one can start: doctor is content, and its next steps run as printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder, and a shell without settings."""
    for name in [name for name in os.environ if name.startswith(("THRONG_", "PREFECT_API"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "my home"


def test_the_next_steps_run_as_they_are_printed(made: Path) -> None:
    ran = CliRunner().invoke(app, ["init", str(made), "--json"])
    assert ran.exit_code == 0, ran.output
    steps = json.loads(ran.stdout)["next"]
    assert len(steps) == 5
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.run(
        ["bash", "-ec", "\n".join(steps)], env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    assert "Ingested" in shell.stdout
    assert (made / "catalog.db").exists(), "commands in the folder use it"


def test_nothing_is_overwritten(made: Path) -> None:
    made.mkdir()
    (made / "mine.txt").write_text("mine")
    assert CliRunner().invoke(app, ["init", str(made)]).exit_code == 2
    assert CliRunner().invoke(app, ["init", str(made / "mine.txt")]).exit_code == 2
    assert [path.name for path in made.iterdir()] == ["mine.txt"]


def test_a_folder_that_others_can_write_to_is_no_home(made: Path) -> None:
    made.mkdir()
    made.chmod(0o777)
    assert CliRunner().invoke(app, ["init", str(made)]).exit_code == 2
    assert not list(made.iterdir())


def test_a_place_that_cannot_be_written_is_named(made: Path) -> None:
    made.parent.joinpath("file").touch()
    ran = CliRunner().invoke(app, ["init", str(made.parent / "file" / "home")])
    assert ran.exit_code == 40


def test_the_home_is_closed_to_others(made: Path) -> None:
    assert CliRunner().invoke(app, ["init", str(made)]).exit_code == 0
    assert not [path for path in (made, *made.glob("*")) if path.is_file() and path.stat().st_mode & 0o077]
    assert made.stat().st_mode & 0o077 == 0
