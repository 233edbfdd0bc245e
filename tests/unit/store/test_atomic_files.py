import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.store.atomic_files import (
    make_folder,
    replace_file,
    translate_errors,
    write_file,
)
from tests.full_disk import disk_full_at


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


def test_a_folder_without_the_right_to_write_is_named_with_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with _as_nobody(), pytest.raises(StorageUnavailable, match=str(tmp_path)) as error:
        make_folder(tmp_path / "day")
    assert error.value.code == "disk.denied"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE])
def test_every_fault_of_the_disk_is_one_to_wait_for(code: int) -> None:
    with pytest.raises(StorageUnavailable, match="/the/lake"), translate_errors(Path("/the/lake")):
        raise OSError(code, os.strerror(code), "/somewhere/file-with-a-name")


def test_a_file_that_could_not_be_written_whole_is_gone(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_file(tmp_path / "file", "not bytes")  # type: ignore[arg-type]
    assert not (tmp_path / "file").exists()


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
