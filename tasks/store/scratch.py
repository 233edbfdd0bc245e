"""Private scratch for raw ids while a day is read; it ends with the reader."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile

from tasks.store.atomic_files import locked, make_folder, remove, translate_errors


@dataclass(frozen=True)
class PrivateFolder:
    """What the walk needs as files."""

    path: Path
    panel: Path
    """A file without a name in any folder: it ends with the process."""


@contextmanager
def private_folder(scratch: Path, of: date | str) -> Iterator[PrivateFolder]:
    """The folder of a day, or of registers, under `scratch`: removed in any case; what killed runs left goes first.

    A folder is locked while it is in use: one whose lock is free belongs to nobody any more.
    """
    folder = scratch / "landing" / str(of)
    with translate_errors(scratch), ExitStack() as held:
        with _cleared(scratch):
            make_folder(folder)
            held.enter_context(locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
        held.callback(remove, folder)
        with TemporaryFile(dir=folder) as panel:
            yield PrivateFolder(folder, Path(f"/proc/self/fd/{panel.fileno()}"))


def remove_unused(scratch: Path) -> None:
    """Remove what killed runs of any day have left under `scratch`."""
    with translate_errors(scratch), _cleared(scratch):
        pass


@contextmanager
def _cleared(scratch: Path) -> Iterator[None]:
    """Remove folders of dead runs; for the block, no other process removes a folder before its owner locks it."""
    folders = scratch / "landing"
    make_folder(folders)
    with locked(folders):
        for left in sorted(folders.iterdir()):
            _remove_unless_used(left, scratch)
        yield


def _remove_unless_used(folder: Path, scratch: Path) -> None:
    """Remove a dead run's folder, and the engine's of the same day, into which DuckDB may have spilled rows."""
    with suppress(FileNotFoundError, BlockingIOError), locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        remove(scratch / f"day-{folder.name}")
        remove(folder)
