"""The command line of the single file, in this process; test_attacks runs the file by itself."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from tasks.deliverable.signature import pem, public_key
from tasks.deliverable.verifier import location
from tasks.deliverable.verifier.script import main
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, index_of, placed, rendered

FIRST = rendered(grant=grant_view("Z01"))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A client's prefix on disk, with the key beside it."""
    (tmp_path / "key.pem").write_text(pem(public_key(SIGNING_KEY)))
    for name, content in {"index.json": index_of(FIRST), **placed(FIRST)}.items():
        path = tmp_path / "prefix" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "prefix"


def test_a_good_prefix_verifies_and_is_remembered(prefix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = prefix.parent / "seen.json"
    words = [str(prefix), "--public-key", str(prefix.parent / "key.pem"), "--state", str(state)]
    assert (main(words), main(words)) == (0, 0)
    assert json.loads(state.read_text())["sequence"] == 1
    assert FIRST.path.folder in capsys.readouterr().out


def test_an_altered_file_ends_with_30(prefix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (prefix / FIRST.path.folder / "README.md").write_text("other")
    assert main([str(prefix)]) == 30
    assert capsys.readouterr().err.startswith("delivery.file_altered: ")


@pytest.mark.parametrize(
    "words",
    [
        ["--public-key", "missing.pem"],
        ["--public-key", "prefix/index.json"],
        ["--state", "."],
        ["--state", "no/folder/seen"],
        ["--state", "prefix/seen"],
    ],
    ids=["no key", "no key in the file", "a folder as state", "nowhere to write the state", "state in the folder"],
)
def test_a_wrong_argument_ends_with_2(prefix: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.chdir(prefix.parent)
    assert main([str(prefix), *words]) == 2


def test_a_folder_that_cannot_be_read_ends_with_2(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refused)
    assert main([str(prefix)]) == 2


def test_what_is_no_folder_ends_with_2(tmp_path: Path) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2


def test_a_folder_of_too_many_files_ends_with_30(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(location, "MAX_OBJECTS", 3)
    assert main([str(prefix)]) == 30
    assert capsys.readouterr().err.startswith("delivery.too_many_files: ")


@pytest.mark.parametrize(("client", "code"), [("nordmarkt", 0), ("somebody", 30)])
def test_the_program_refuses_what_another_client_received(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, client: str, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["verify.py", str(prefix), "--client", client])
    monkeypatch.delitem(sys.modules, "tasks.deliverable.verifier.script")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("tasks.deliverable.verifier.script", run_name="__main__")
    assert ended.value.code == code
