import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.store.atomic_files import (
    ABANDONED_SECONDS,
    AtomicFiles,
    make_folder,
    replace_file,
    translate_errors,
    write_file,
)
from tests.full_disk import disk_full_at


@pytest.fixture
def files(tmp_path: Path) -> AtomicFiles:
    files = AtomicFiles(tmp_path / "files")
    files.open()
    return files


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Give up root's right to write anywhere, where the tests run as root."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


def test_a_full_disk_is_named_with_what_to_do() -> None:
    full = pytest.raises(StorageUnavailable, match="/the/lake")
    with full as error, translate_errors(Path("/the/lake")), Path("/dev/full").open("wb") as file:
        file.write(b"x" * 100_000)
    assert error.value.code == "disk.full"


def test_a_folder_without_the_right_to_write_is_named_with_what_to_do(files: AtomicFiles) -> None:
    files.root.chmod(0o500)
    with _as_nobody(), pytest.raises(StorageUnavailable, match=str(files.root)) as error:
        make_folder(files.root / "day")
    assert error.value.code == "disk.denied"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE])
def test_every_fault_of_the_disk_is_one_to_wait_for(code: int) -> None:
    with pytest.raises(StorageUnavailable, match="/the/lake"), translate_errors(Path("/the/lake")):
        raise OSError(code, os.strerror(code), "/somewhere/file-with-a-name")


def test_folders_and_files_belong_to_this_user_alone(files: AtomicFiles) -> None:
    files.put_new(files.root / "a" / "b" / "file", b"x")
    modes = {
        path.relative_to(files.root).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in files.root.rglob("*")
    }
    assert modes == {".unfinished": 0o700, "a": 0o700, "a/b": 0o700, "a/b/file": 0o600}


def test_a_file_that_could_not_be_written_whole_is_gone(files: AtomicFiles) -> None:
    with pytest.raises(TypeError):
        write_file(files.root / "file", "not bytes")  # type: ignore[arg-type]
    assert not (files.root / "file").exists()


def test_a_new_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "link", b"x")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_replaced_whole_with_its_mode_whatever_the_mask_and_a_link_in_its_place_is_not_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "file").symlink_to(tmp_path / "other")
    before = os.umask(0o077)
    try:
        replace_file(tmp_path / "file", b"new", 0o644)
    finally:
        os.umask(before)
    assert ((tmp_path / "file").read_bytes(), (tmp_path / "other").read_bytes()) == (b"new", b"other")
    assert stat.S_IMODE((tmp_path / "file").lstat().st_mode) == 0o644
    assert {path.name for path in tmp_path.iterdir()} == {"file", "other"}


def test_of_a_file_that_cannot_be_replaced_nothing_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with disk_full_at(100), pytest.raises(StorageUnavailable, match=str(tmp_path)):
        replace_file(tmp_path / "file", b"x" * 1000)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageUnavailable, match=str(tmp_path)):
        replace_file(tmp_path / "folder", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert (tmp_path / "file").read_bytes() == b"old"


def test_of_two_writers_of_a_new_file_the_first_one_wins(files: AtomicFiles) -> None:
    assert files.put_new(files.root / "file", b"first")
    assert not files.put_new(files.root / "file", b"second")
    assert (files.root / "file").read_bytes() == b"first"
    assert not list((files.root / ".unfinished").iterdir())


def test_only_an_empty_folder_is_marked(files: AtomicFiles) -> None:
    assert files.marked() is None
    files.mark("one")
    files.mark("two")
    assert files.marked() == "one"
    (files.root / "installation").unlink()
    files.put_new(files.root / "file", b"x")
    files.mark("three")
    assert files.marked() is None


def test_what_died_days_ago_is_removed_and_what_is_being_written_is_not(files: AtomicFiles) -> None:
    old, new = files.root / ".unfinished" / "old", files.root / ".unfinished" / "new"
    (old / "inner").mkdir(parents=True)
    new.write_bytes(b"x")
    os.utime(old, (0, old.stat().st_mtime - ABANDONED_SECONDS - 10))
    files.open()
    assert [path.name for path in (files.root / ".unfinished").iterdir()] == ["new"]
