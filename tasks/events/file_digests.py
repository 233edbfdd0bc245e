"""Registers are identified by content, not by name or time of change."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.errors import StorageUnavailable


@dataclass(frozen=True)
class FileState:
    """A file as it is now: an exchange shows in its inode, its size or the time at which it was last changed."""

    path: Path
    inode: int
    bytes: int
    mtime_ns: int
    ctime_ns: int


def digest(path: Path) -> str:
    """Hex SHA-256 of what a register holds; of a folder of parts, over their names too."""
    found = [(part.path.name if path.is_dir() else "", _sha256(part)) for part in parts(path)]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def parts(path: Path) -> list[FileState]:
    """The files that a register consists of, by name: itself, or those in its folder."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        stats = [(file, file.stat()) for file in files if not file.name.startswith(("_", "."))]
    except OSError as error:
        raise _unreadable(path, error) from None
    return [FileState(file, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns) for file, seen in stats]


@lru_cache(maxsize=256)
def _sha256(seen: FileState) -> str:
    try:
        with seen.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(seen.path, error) from None


def _unreadable(path: Path, error: OSError) -> StorageUnavailable:
    return StorageUnavailable(
        f"{path.name} cannot be read ({os.strerror(error.errno or 0)}).",
        "Give this user the right to read it, or repair the disk; then rerun.",
        "landing.unreadable",
    )
