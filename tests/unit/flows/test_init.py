"""`throng init` makes a folder from which one can start: doctor is content, and its next steps run as printed."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "use-your-files.md").read_text()
IMSI = "2620198765432"


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


@pytest.mark.parametrize("mapping", ["as inspect proposes it", "as the page shows it"])
def test_the_steps_for_files_of_ones_own_run_as_the_page_says(
    made: Path, monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    """The example of docs/how-to/use-your-files.md, its steps 2 to 7, in a home of `throng init`."""
    day, landing = json.loads(_throng("init", str(made), "--json"))["day"], made / "landing"
    monkeypatch.chdir(made)
    events, cells = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    (written,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    _as_the_operator_writes(landing, date.fromisoformat(day), events, cells)
    proposed = json.loads(_throng("inspect", "landing", "--json"))["mapping"]
    assert "landing/formats.toml" in _throng("inspect", "landing")
    (landing / "formats.toml").write_text(proposed if mapping == "as inspect proposes it" else written)
    _throng("doctor")
    _throng("coverage", "--svg", "map.svg")
    _throng("ingest", day)
    monkeypatch.chdir(made.parent)
    _throng("coverage", str(landing))
    again = json.loads(_throng("inspect", str(landing), "--json"))
    assert again["mapping"] == "", "without a home, the landing's own mapping is read"
    assert {one["format"] for one in again["files"] if one["kind"] in ("cells", "events")} <= {"own", "core"}
    monkeypatch.chdir(made)
    assert "1,152" in _throng("runs", "--day", day)


def _throng(*words: str) -> str:
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def _as_the_operator_writes(landing: Path, day: date, events: str, cells: str) -> None:
    """The example's landing in the layout of the page: its header, and one line for each of the example's rows."""
    file = landing / "events" / f"date={day}" / "part-0.csv"
    rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
    own = [f"{IMSI + who[-2:]};{day:%d.%m.%Y} {at[-8:]};7;1{cell[-1]}" for who, at, cell, _ in rows]
    file.write_text("\n".join([events.splitlines()[0], *own]) + "\n")
    places = [f"7;1{n};50,05;8,{5 + 10 * n:02d}" for n in range(4)]
    (landing / "cells.csv").write_text("\n".join([cells.splitlines()[0], *places]) + "\n")
    for register in ("subscribers.csv", "consents.csv"):
        path = landing / register
        path.write_text(path.read_text().replace("example-", IMSI))


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
