"""What a command says: its answer on stdout, errors on stderr; the exit code names the branch of the error tree."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.output import CommandOutput, command
from tasks import errors

CANARY = "4915155500001"
FAULTS = [
    errors.Misconfigured,
    errors.RejectedInput,
    errors.RefusedRelease,
    errors.RefusedDelivery,
    errors.StorageUnavailable,
    errors.StepFailed,
]


def _group(outcome: CommandOutput | BaseException) -> typer.Typer:
    group = typer.Typer()
    group.callback()(lambda: None)

    @command(group, "throng look north")
    def look(place: str) -> CommandOutput:
        """Look somewhere."""
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return group


def test_an_answer_is_on_stdout_where_pipes_and_files_find_it() -> None:
    ran = CliRunner().invoke(_group(CommandOutput({"seen": 3}, ["Three were seen."])), ["look", "north"])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "Three were seen.\n", "")


def test_a_program_reads_one_json_document_and_nothing_else_is_said() -> None:
    ran = CliRunner().invoke(_group(CommandOutput({"seen": 3}, ["Three were seen."], 3)), ["look", "north", "--json"])
    assert json.loads(ran.stdout) == {"seen": 3}
    assert (ran.exit_code, ran.stderr) == (3, "")


def test_an_error_is_no_answer_and_leaves_stdout_empty() -> None:
    ran = CliRunner().invoke(_group(errors.RejectedInput("It is broken.", "Mend it.")), ["look", "north"])
    assert (ran.exit_code, ran.stdout) == (10, "")
    assert ran.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_the_exit_code_tells_who_must_act(fault: type[errors.ThrongError]) -> None:
    ran = CliRunner().invoke(
        _group(fault("It is broken.", "Mend it.", "landing.no_events")), ["look", "north", "--json"]
    )
    assert ran.exit_code == fault.exit_code
    named = {"error": fault.__name__, "code": "landing.no_events", "exit_code": fault.exit_code}
    assert json.loads(ran.stdout) == named | {"what": "It is broken.", "action": "Mend it."}
    assert ran.stderr == f"{fault.__name__} landing.no_events: It is broken.\nWhat to do: Mend it.\n"


def test_an_unforeseen_error_says_where_but_not_what_it_saw() -> None:
    ran = CliRunner().invoke(_group(ValueError(CANARY)), ["look", "north", "--json"])
    assert ran.exit_code == 50
    assert "look: ValueError" in ran.stderr
    assert CANARY not in ran.output


def test_ctrl_c_is_an_answer_too() -> None:
    ran = CliRunner().invoke(_group(KeyboardInterrupt()), ["look", "north"])
    assert ran.exit_code == 130
    assert "Nothing is half written" in ran.stderr


def test_text_from_outside_is_not_read_as_markup() -> None:
    fault = errors.RejectedInput("File [red]a.csv[/red] is empty.", "Send [it] again.")
    assert "[red]a.csv[/red]" in CliRunner().invoke(_group(fault), ["look", "north"]).stderr


def test_the_version_is_one_line() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.stdout) == (0, f"throng {metadata.version('throng-insights')}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell: str) -> None:
    words = {"bash": {"COMP_WORDS": "throng rel", "COMP_CWORD": "1"}}.get(
        shell, {"_TYPER_COMPLETE_ARGS": "throng rel", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    )
    environment = os.environ | words | {"_THRONG_COMPLETE": f"complete_{shell}"}
    code = "import sys; sys.argv = ['throng']; from flows.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "releases" in ran.stdout, ran.stderr


def _paths(group: "typer.Typer", prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    own = [(*prefix, entry.name or entry.callback.__name__) for entry in group.registered_commands if entry.callback]
    deeper = [
        _paths(inner.typer_instance, (*prefix, str(inner.name)))
        for inner in group.registered_groups
        if inner.typer_instance
    ]
    return own + [path for paths in deeper for path in paths]


@pytest.mark.parametrize("path", _paths(app), ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, [*path, "--help"]).output
    assert f"Example:\n    throng {' '.join(path)}" in said
    assert "--json" in said


def test_help_imports_nothing_heavy() -> None:
    heavy = ["prefect", "great_expectations", "numba", "boto3", "duckdb", "pyarrow", "sqlalchemy", "pydantic", "rich"]
    code = f"import flows.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"


def test_words_that_belong_together_are_asked_for_together(home: Path) -> None:
    ran = CliRunner().invoke(app, ["ingest", "2026-03-01", "--override", "rows_low"])
    assert ran.exit_code == 2
    assert "--override and --reason belong together" in ran.stderr


def test_a_week_is_not_a_day() -> None:
    ran = CliRunner().invoke(app, ["ingest", "2026-W10"])
    assert ran.exit_code == 2
    assert "is a week, not a day" in ran.stderr


def test_commands_are_listed_in_the_order_in_which_one_needs_them() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    listed = [line.split()[0] for line in said.partition("Commands:\n")[2].splitlines()]
    way = "demo init simulate inspect coverage doctor migrate client keys ingest publish deliver verify daily"
    assert " ".join(listed) == f"{way} backfill expire serve s3 status runs releases deliveries budget quote"


@pytest.mark.parametrize("path", _paths(app), ids=" ".join)
def test_help_names_what_is_to_be_given_and_no_type(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, [*path, "--help"]).output
    assert not re.search(r"\{|<[a-z]|list\[", said)


def test_help_shows_how_a_command_is_written() -> None:
    said = CliRunner().invoke(app, ["deliver", "--help"]).output
    assert said.startswith("Usage: throng deliver [OPTIONS] CLIENT PRODUCT PERIOD\n")
    assert "--override RULE " in CliRunner().invoke(app, ["ingest", "--help"]).output
    assert "FILE..." in CliRunner().invoke(app, ["client", "apply", "--help"]).output


def test_a_command_that_begins_a_new_ledger_names_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, landing = tmp_path / "mistyped", tmp_path / "landing"
    landing.mkdir()
    monkeypatch.setenv("THRONG_HOME", str(home))
    monkeypatch.setenv("THRONG_LANDING", str(landing))
    first, second = (CliRunner().invoke(app, ["ingest", "2026-03-03"]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (10, 10)
    assert str(home) in first.stderr.replace("\n", "")
    assert str(home) not in second.stderr.replace("\n", "")
