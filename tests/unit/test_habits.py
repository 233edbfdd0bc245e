"""The checks of prose and of commit messages find what they look for."""

import tomllib

import pytest

from tests.commit_message import faults
from tests.prose import ROOT, in_document, in_source

LONG = "word " * 21


@pytest.mark.parametrize("text", ["Mend the file.\n", f"{LONG}.\n", f"| {LONG} | b |\n", f"- {LONG}\n"])
def test_a_banned_word_and_a_long_sentence_are_found_in_a_document(text: str) -> None:
    assert [line for line, _ in in_document(text)] == [1]


@pytest.mark.parametrize(
    "text",
    [
        "```\nmend\n```\n",
        "`mend`\n",
        "[page](mend.md)\n",
        f"{LONG[:60]}.\n{LONG[:80]}.\n",
        f"- {LONG[:60]}\n- {LONG[:80]}\n",
    ],
)
def test_code_links_and_short_sentences_are_left_alone(text: str) -> None:
    assert list(in_document(text)) == []


@pytest.mark.parametrize(
    "source", ['"""Mend the file by hand."""\n', "x = 1  # mend it\n", 'raise OSError("The disk must be mended.")\n']
)
def test_a_banned_word_is_found_in_docstrings_comments_and_messages(source: str) -> None:
    assert [line for line, _ in in_source(source)] == [1]


@pytest.mark.parametrize("message", ["Add a rule\n\nBecause.\n", "Revert what was wrong.\n", "fixup! anything\n"])
def test_a_message_by_the_rule_passes(message: str) -> None:
    assert faults(message) == []


@pytest.mark.parametrize(
    "message", ["", "add a rule", "Added a rule", "Adds a rule", "Add a rule.", "A" * 73, "Add\nb"]
)
def test_a_message_against_the_rule_is_refused(message: str) -> None:
    assert faults(message)


def test_both_packages_are_typed_and_the_licence_is_the_one_that_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert [top for top in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] if not _typed(top)] == []
    (licence,) = project["project"]["license-files"]
    assert "proprietary" in (ROOT / licence).read_text()
    assert project["project"]["license"] == "LicenseRef-Proprietary"


def _typed(package: str) -> bool:
    return (ROOT / package / "py.typed").exists()
