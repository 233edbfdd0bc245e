"""Objects by key, each whole or absent: what the lake is built on, and its backend of files."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import ClassVar, Protocol

from tasks.errors import StorageUnavailable
from tasks.store import usage
from tasks.store.atomic_files import locked, make_folder, make_missing, sync, translate_errors

_MARK = "installation"


class MissingObject(StorageUnavailable):
    """There is no object of this key."""


@dataclass(frozen=True, order=True)
class ObjectInfo:
    """An object's key and size."""

    key: str
    bytes: int


class ObjectStore(Protocol):
    """Objects by key (`presence/date=2026-03-01/...`). Every call may raise StorageUnavailable."""

    @property
    def location(self) -> str:
        """Where the objects are, for messages."""

    def open(self) -> None:
        """Create what is missing, and remove what writers left that died."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects below a prefix, which is empty or ends in `/`, in any order."""

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Names up to the next `/` directly below a prefix, ascending."""

    def size(self, key: str) -> int | None:
        """An object's bytes; None if there is none."""

    def get(self, key: str) -> bytes:
        """An object's content; raises MissingObject."""

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Write an object; readers see the old one or the new one."""

    def put_if_absent(self, key: str, body: bytes | memoryview) -> bool:
        """Write an object unless there is one; exactly one of concurrent writers gets True."""

    def delete(self, key: str) -> None:
        """Delete an object; fine if there is none."""


class InstallationPart:
    """Objects that belong to one installation and carry its id."""

    title: ClassVar[str]

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects

    def __str__(self) -> str:
        return f"{self.title} {self.objects.location}"

    def open(self) -> None:
        """Create what is missing, and remove what writers left that died."""
        self.objects.open()

    def mark(self, installation: str) -> None:
        """Write the installation's id into a part that holds nothing yet."""
        if not any(self.objects.list("")):
            self.objects.put_if_absent(_MARK, installation.encode())

    def marked(self) -> str | None:
        """The id of the installation that the part belongs to."""
        return self.objects.get(_MARK).decode() if self.objects.size(_MARK) else None


class FileObjectStore:
    """Objects as files of one folder, for this user alone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / ".unfinished"

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._root)

    def open(self) -> None:
        """Create the folder if it is missing, and remove what writers left that died."""
        make_folder(self._unfinished)
        with translate_errors(self._root):
            for path in list(self._unfinished.iterdir()):
                _remove_unlocked(path)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Files below a folder."""
        with translate_errors(self._root):
            for folder, folders, names in _walk(self._root / prefix):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for path in map(Path(folder).joinpath, names):
                    with suppress(FileNotFoundError):
                        yield ObjectInfo(path.relative_to(self._root).as_posix(), path.stat().st_size)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Folders directly below a folder."""
        with translate_errors(self._root):
            _, folders, _ = next(_walk(self._root / prefix), ("", [], []))
            return tuple(sorted(name for name in folders if not name.startswith(".")))

    def size(self, key: str) -> int | None:
        """A file's bytes; None if there is none."""
        with translate_errors(self._root), suppress(FileNotFoundError, NotADirectoryError):
            found = (self._root / key).stat()
            return found.st_size if S_ISREG(found.st_mode) else None
        return None

    def get(self, key: str) -> bytes:
        """A file's content; raises MissingObject."""
        with translate_errors(self._root):
            try:
                content = (self._root / key).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise MissingObject(
                    f"{self._root / key} is lost.", "Restore it from a backup.", "lake.object_missing"
                ) from None
        usage.count(read=len(content))
        return content

    def put(self, key: str, body: bytes | memoryview) -> None:
        """Write a file under another name, then give it its own."""
        self._place(key, body, lambda unfinished, target: bool(unfinished.replace(target)))

    def put_if_absent(self, key: str, body: bytes | memoryview) -> bool:
        """Write a file under another name, then give it its own unless that is taken."""
        return self._place(key, body, _link)

    def delete(self, key: str) -> None:
        """Delete a file, and folders that it leaves empty."""
        path = self._root / key
        with translate_errors(self._root):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._root or not _gone(folder):
                    _sync_if_there(folder)
                    return

    def _place(self, key: str, body: bytes | memoryview, name: Callable[[Path, Path], bool]) -> bool:
        """Write and sync a new file, then name it by its key."""
        make_folder(self._unfinished)
        usage.count(written=memoryview(body).nbytes)
        with translate_errors(self._root):
            while True:  # again only if another process removed the file before its lock was taken
                with self._written(body) as unfinished:
                    named = _in_folder(unfinished, self._root / key, name)
                if named is not None:
                    return named

    @contextmanager
    def _written(self, body: bytes | memoryview) -> Iterator[Path]:
        """A synced file, for this user alone, locked while its writer lives."""
        path = self._unfinished / token_hex(8)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
                yield path
            finally:
                path.unlink(missing_ok=True)


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """os.walk, but only a folder that is gone is passed over in silence."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise error

    return os.walk(folder, onerror=refuse)


def _sync_if_there(folder: Path) -> None:
    """Sync a folder, unless another process has deleted it, which syncs its parent."""
    with suppress(FileNotFoundError):
        sync(folder)


def _in_folder(unfinished: Path, target: Path, name: Callable[[Path, Path], bool]) -> bool | None:
    """Name a file in a folder that other processes may delete while it is empty; None if the file is gone."""
    while unfinished.exists():
        try:
            make_missing(target.parent)
            named = name(unfinished, target)
        except FileNotFoundError:
            continue
        _sync_if_there(target.parent)
        return named
    return None


def _link(source: Path, target: Path) -> bool:
    """Name a complete file unless the name is taken: link(2) is atomic and never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    return True


def _gone(folder: Path) -> bool:
    """Remove a folder if it is empty; whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # something is in it
        return False
    return True


def _remove_unlocked(path: Path) -> None:
    """Remove an unfinished file whose writer is dead."""
    with suppress(FileNotFoundError, BlockingIOError), locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
        path.unlink(missing_ok=True)
