"""Files that appear whole or not at all, and disk faults as StorageUnavailable."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from tasks.errors import StorageUnavailable, machine_fault

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def translate_errors(place: Path) -> Iterator[None]:
    """Turn an operating system's error at the place into StorageUnavailable, which names it and what to do."""
    try:
        yield
    except OSError as error:
        raise _fault(place, error) from None


def _fault(place: Path, error: OSError) -> StorageUnavailable:
    if fault := machine_fault(str(place), error):
        return fault
    again = "then run the same command again: nothing is half written."
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in _DENIED:
        return StorageUnavailable(
            f"{place} denies access ({name}).", f"Give this user the right to write there, {again}", "disk.denied"
        )
    return StorageUnavailable(
        f"{place} does not answer ({name}).", f"Check the disk and the folder, {again}", "disk.unavailable"
    )


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, for this user alone."""
    with translate_errors(path):
        make_missing(path)


def make_missing(path: Path) -> None:
    """Create a folder and its missing parents, for this user alone. Raises OSError."""
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:  # a neighbour made it, and may have removed it since; a file is found by the caller
                continue


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of a file or folder for the length of the block; it falls with the process. Raises OSError."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)  # NFS locks no file that is only read
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes | memoryview, mode: int = 0o600) -> None:
    """Write and sync a new file, this user's alone by default; what could not be written whole is removed."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file in any folder, whole or not at all; others may write there too, so its first name is random."""
    unfinished = path.with_name(f".{path.name}.{token_hex(8)}")  # who collects `*.prom` passes it by
    with translate_errors(path):
        write_file(unfinished, content, mode)
        try:
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def remove(path: Path) -> None:
    """Remove a file or a whole folder; fine if it is gone."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
