"""The landing folder: which files belong to a local day, and whether they are all there."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

from tasks.errors import Misconfigured, NotArrived, RejectedInput, StorageUnavailable
from tasks.events import file_digests
from tasks.events.folders import day_folders, expected_folder, ignored, is_hour, labels_of, look_alikes, refuse_tables
from tasks.events.formats import Formats, shipped
from tasks.period import day_start
from tasks.policy import Calendar

COMPLETE = "_COMPLETE"
REFERENCE_FILES = ("cells", "zones", "subscribers", "consents", "population", "footprints")


@dataclass(frozen=True)
class LandingFile:
    """One event file: its path, its name relative to the landing, its folder's label, and its size and age."""

    path: Path
    name: str
    label: date
    bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Folder:
    """One folder of a label, closed once nothing more is to come; `hours`: patterns of folders below it."""

    label: date
    path: Path
    closed: bool
    hours: tuple[str, ...] = ()


@dataclass(frozen=True)
class DayLanding:
    """All that a local day is read from."""

    root: Path
    day: date
    formats: Formats
    folders: tuple[Folder, ...]
    files: tuple[LandingFile, ...]
    closed: bool
    newest: datetime | None

    @cached_property
    def digest(self) -> str:
        """Changes with the mapping, any event file's name, size or time of change, and any reference file's content."""
        named = [path for name in REFERENCE_FILES for path in (self.root / name, *self.root.glob(f"{name}.*"))]
        listing = [(file.name, file.bytes, str(file.mtime_ns)) for file in self.files]
        listing += [(path.name, 0, file_digests.digest(path)) for path in named if path.exists()]
        return hashlib.sha256(repr((self.formats.digest, sorted(listing))).encode()).hexdigest()


def find_day(root: Path, day: date, time: Calendar, now: datetime, formats: Formats | None = None) -> DayLanding:
    """The folders that overlap a local day and the next `lateness_days`; raises NotArrived if a closed one lacks."""
    _check(root)
    formats = formats or shipped()
    try:
        refuse_tables(root / "events")
        folders = tuple(folder for label in labels(day, time) for folder in _folders(root, label, time, now, formats))
        files = tuple(file for folder in folders for file in _files(root, folder, formats))
    except OSError as error:
        raise StorageUnavailable(
            f"The landing of {day} cannot be looked at ({type(error).__name__}).",
            "Give this user the right to read its folders, or repair the disk; then rerun.",
            "landing.unreadable",
        ) from None
    newest = datetime.fromtimestamp(max(file.mtime_ns for file in files) / 1e9, UTC) if files else None
    return DayLanding(root, day, formats, folders, files, all(folder.closed for folder in folders), newest)


def _check(root: Path) -> None:
    if not root.is_dir():
        raise Misconfigured(
            f"The landing {root} is not a folder.",
            "Correct THRONG_LANDING, or mount what it names.",
            "landing.not_a_folder",
        )


@contextmanager
def unchanged(what: str, digest: str, now: Callable[[], str]) -> Iterator[None]:
    """Nothing is made of two versions of what the block reads; what goes wrong during an exchange is neither's fault.

    `digest`: of what is to be read, `now`: of what is there. Raises StorageUnavailable where they differ in the end.
    """
    try:
        yield
    except Exception:
        if digest == now():
            raise
    else:
        if digest == now():
            return
    raise StorageUnavailable(
        f"{what} changed while it was read.",
        "Wait until the transfer has ended, then run the same command again.",
        "landing.changed_while_read",
    )


def labels(day: date, time: Calendar) -> tuple[date, ...]:
    """Labels (dates in the landing timezone) of the folders in which a local day's events may be."""
    first = day_start(day, time.local).astimezone(time.landing).date()
    end = day_start(day + timedelta(days=1), time.local) - timedelta(microseconds=1)
    last = end.astimezone(time.landing).date() + timedelta(days=time.lateness_days)
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def closes_at(day: date, time: Calendar) -> datetime:
    """When the last of a day's folders closes without `_COMPLETE`."""
    return closes(labels(day, time)[-1], time)


def first_label(root: Path, formats: Formats | None = None) -> date | None:
    """The earliest day of which the landing has a folder; None if it has none."""
    _check(root)
    return min(labels_of(root / "events", (formats or shipped()).landing), default=None)


def find_register(root: Path, name: str) -> Path:
    """The file of a register such as `consents`; raises RejectedInput unless there is exactly one."""
    found = [path for suffix in ("parquet", "csv") if (path := root / f"{name}.{suffix}").is_file()]
    found += [path for path in (root / name,) if path.is_dir()]
    if len(found) != 1:
        fault = "holds none of" if not found else "holds more than one of"
        raise RejectedInput(
            f"The landing folder {fault} {name}.parquet or {name}.csv or a folder {name}.",
            f"Put exactly one of them into {root}.",
            "landing.reference_file_not_once",
        )
    return _inside(root, found[0])


def _folders(root: Path, label: date, time: Calendar, now: datetime, formats: Formats) -> Iterator[Folder]:
    due, events = closes(label, time), root / "events"
    possible = {events / name: hours for name, hours in day_folders(label, formats.landing).items()}
    found = [path for path in possible if path.is_dir()]
    if not found and now >= due:
        raise NotArrived(
            f"The folder {expected_folder(events, label, formats.landing)} is missing.{look_alikes(events, label)}",
            "Send it; a day without a file is never an empty day.",
            "landing.folder_missing",
        )
    for path in found or [next(iter(possible))]:
        folder = Folder(label, path, now >= due or (path / COMPLETE).exists(), possible[path])
        if folder.closed and not any(_files(root, folder, formats)):
            raise NotArrived(
                f"The folder {path} is closed and holds no event file.",
                "Send its files, then rerun.",
                "landing.no_events",
            )
        yield folder


def closes(label: date, time: Calendar) -> datetime:
    """When the folder of a label is closed without `_COMPLETE`."""
    return day_start(label + timedelta(days=1), time.landing) + timedelta(hours=time.close_after)


def _files(root: Path, folder: Folder, formats: Formats) -> Iterator[LandingFile]:
    if not folder.path.is_dir():
        return
    refuse_tables(folder.path)
    _inside(root, folder.path)
    for path in sorted(folder.path.iterdir()):
        if ignored(path.name, formats.landing):
            continue
        state = _printable(path).lstat()
        if stat.S_ISLNK(state.st_mode):
            state = _inside(root, path).stat()
        if stat.S_ISDIR(state.st_mode) and is_hour(path.name, folder.hours):
            yield from _files(root, replace(folder, path=path, hours=()), formats)
        elif not stat.S_ISREG(state.st_mode):
            raise RejectedInput(
                f"{folder.path} holds {path.name}, which is not a file.",
                "Put event files directly into the folder; formats.toml can name folders of hours.",
                "landing.not_a_file",
            )
        else:
            yield LandingFile(path, str(path.relative_to(root)), folder.label, state.st_size, state.st_mtime_ns)


def _inside(root: Path, path: Path) -> Path:
    """The path, if its name can be shown and it does not lead out of the landing."""
    if not _printable(path).exists() or not path.resolve().is_relative_to(root.resolve()):
        raise RejectedInput(
            f"{path} is a link that is broken or leads out of the landing folder.",
            "Put the file itself there.",
            "landing.link_outside",
        )
    return path


def _printable(path: Path) -> Path:
    """The path, if its name can be shown."""
    if not path.name.isprintable() or "`" in path.name:  # messages mark commands so
        raise RejectedInput(
            f"{path.parent} holds a file whose name cannot be printed.",
            "Rename it, then rerun.",
            "landing.name_unprintable",
        )
    return path
