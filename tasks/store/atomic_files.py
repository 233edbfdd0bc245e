"""Files that appear whole or not at all, and disk faults as StorageUnavailable."""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from tasks.errors import StorageUnavailable

ABANDONED_SECONDS = 2 * 86_400
"""Unfinished files older than this belong to a process that died."""

MARK = "installation"
"""The file of the installation's id."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def translate_errors(place: Path) -> Iterator[None]:
    """Turn an operating system's error at the place into StorageUnavailable, which names it and what to do."""
    try:
        yield
    except OSError as error:
        raise _fault(place, error) from None


def _fault(place: Path, error: OSError) -> StorageUnavailable:
    again = "then run the same command again: nothing is half written."
    if error.errno in _FULL:
        return StorageUnavailable(f"The disk of {place} is full.", f"Free space there, {again}", "disk.full")
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
            folder.mkdir(mode=0o700, exist_ok=True)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
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


class AtomicFiles:
    """Files of one private folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unfinished = root / ".unfinished"

    def open(self) -> None:
        """Create the folder if it is missing, and remove what processes left that died long ago."""
        make_folder(self._unfinished)
        with translate_errors(self.root):
            remove_abandoned(self._unfinished)

    def mark(self, installation: str) -> None:
        """Write the installation's id into a folder that holds nothing yet."""
        with translate_errors(self.root):
            fresh = all(entry == self._unfinished for entry in self.root.iterdir())
        if fresh:
            self.put_new(self.root / MARK, installation.encode())

    def marked(self) -> str | None:
        """The id of the installation that the folder belongs to."""
        with translate_errors(self.root):
            return (self.root / MARK).read_text() if (self.root / MARK).exists() else None

    def put_new(self, path: Path, content: bytes) -> bool:
        """Write a file unless one is there: of concurrent writers exactly one gets True."""
        make_folder(self._unfinished)
        make_folder(path.parent)
        unfinished = self._unfinished / token_hex(8)
        with translate_errors(self.root):
            write_file(unfinished, content)
            try:
                made = link_new(unfinished, path)
                sync(path.parent)
            finally:
                unfinished.unlink(missing_ok=True)
        return made


def link_new(source: Path, target: Path) -> bool:
    """Give a complete file its name unless the name is taken: link(2) is atomic and never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True


def remove_abandoned(folder: Path) -> None:
    """Remove a folder's entries that nobody has touched for two days."""
    limit = time.time() - ABANDONED_SECONDS
    for entry in list(folder.iterdir()) if folder.exists() else []:
        with suppress(FileNotFoundError):  # another process removes or finishes it at the same time
            if entry.stat().st_mtime < limit:
                remove(entry)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; fine if it is gone."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
