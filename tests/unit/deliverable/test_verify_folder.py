"""The verb that a client runs: folders, keys, and nothing left behind."""

import os
from pathlib import Path

import pytest

from tasks.deliverable.signature import pem, public_key
from tasks.verify import Verify
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, rendered

GOOD = rendered()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The documents of a delivery, with its rows where they belong."""
    for path, content in GOOD.files.items():
        (tmp_path / "v2" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v2" / path).write_bytes(content)
    return tmp_path / "v2" / GOOD.path.documents


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(pem(public_key(SIGNING_KEY)))
    return path


def test_a_received_folder_verifies_and_nothing_is_written(
    folder: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key.parent)
    before = sorted(key.parent.rglob("*"))
    assert Verify()(str(folder)).verdict == "consistent; key not pinned"
    assert Verify()(str(folder), key).verdict == "verified with the pinned key"
    assert sorted(key.parent.rglob("*")) == before


@pytest.mark.parametrize("extra", ["notes.txt", ".hidden", "sub/file", "manifest.json.bak"])
def test_a_file_more_is_refused_by_name(folder: Path, extra: str) -> None:
    (folder / extra).parent.mkdir(exist_ok=True)
    (folder / extra).write_bytes(b"")
    with refused("delivery.files_differ") as refusal:
        Verify()(str(folder))
    assert extra in refusal.value.what


def test_a_link_is_refused_even_if_it_leads_to_the_right_bytes(folder: Path, tmp_path: Path) -> None:
    (folder / "README.md").rename(tmp_path / "README.md")
    (folder / "README.md").symlink_to(tmp_path / "README.md")
    with refused("delivery.irregular_file"):
        Verify()(str(folder))


def test_a_linked_folder_and_a_pipe_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more").symlink_to(tmp_path)
    with refused("delivery.irregular_file"):
        Verify()(str(folder))
    (folder / "more").unlink()
    os.mkfifo(folder / "pipe")
    with refused("delivery.irregular_file"):
        Verify()(str(folder))


@pytest.mark.parametrize("name", ["nowhere", "revision=1/README.md"])
def test_a_location_that_is_no_folder_is_a_wrong_word(folder: Path, name: str) -> None:
    with refused("delivery.location"):
        Verify()(str(folder.parent / name))


def test_a_key_file_that_is_missing_or_no_key_is_a_wrong_word(folder: Path, tmp_path: Path) -> None:
    with refused("delivery.key_file"):
        Verify()(str(folder), tmp_path / "nokey")
    with refused("delivery.key_file"):
        Verify()(str(folder), folder / "README.md")


@pytest.mark.parametrize("gone", ["list", "read"])
def test_a_folder_that_cannot_be_read_is_said_to_be_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    def denied(*args: object, **words: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(*((os, "scandir", denied) if gone == "list" else (Path, "open", denied)))
    with refused("delivery.unreadable"):
        Verify()(str(folder))


def test_an_address_of_another_kind_is_a_wrong_word() -> None:
    with refused("bucket.address"):
        Verify()("gs://bucket/prefix")
