"""Names below `events/`: which folder is whose day by the mapping's patterns, and which files are no events."""

import glob
import re
from collections.abc import Iterator
from datetime import date
from fnmatch import translate
from functools import cache
from itertools import product
from pathlib import Path

from tasks.errors import RejectedInput
from tasks.events.formats.sections import LandingNames

IGNORED = (
    *("_*", ".*", "~$*", "*~", "*.tmp", "*.part", "*.filepart"),
    *("*.ctl", "*.md5", "*.sha256", "*.crc", "thumbs.db", "desktop.ini", "readme*"),
)
"""Files that are never events: hidden or unfinished ones, control files, checksums, and what desktops leave."""

_DIRECTIVE = re.compile(r"%[YmdH]")
_DIRECTIVES = re.compile(r"(%[YmdH])+")
_ADJACENT = re.compile(r"%[Ymd]%[Ymd]")
_TABLES = (("_delta_log", "Delta"), (".hoodie", "Hudi"))
MOST_NAMED = 3
"""Of what may be folders of days, how many a message names."""


def ignored(name: str, names: LandingNames) -> bool:
    """Whether a file of such a name is none of the events."""
    return bool(_none_of_events(names.ignore).match(name.lower()))


@cache
def _none_of_events(more: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern.lower()) for pattern in (*IGNORED, *more)))


def day_folders(label: date, names: LandingNames) -> dict[str, tuple[str, ...]]:
    """Where a day's files may lie below `events/`, and how folders of hours are called there."""
    found: dict[str, tuple[str, ...]] = {}
    for pattern in names.folders:
        of_day, hours = _parts(pattern)
        for folder in sorted(_spelled(of_day, label)):
            found[folder] = (*found.get(folder, ()), *hours)
    return found


def is_hour(name: str, hours: tuple[str, ...]) -> bool:
    """Whether a folder below a day's is one of its hours."""
    return any(_regex(pattern).fullmatch(name) for pattern in hours)


def labels_of(events: Path, names: LandingNames) -> Iterator[date]:
    """The days of which there is a folder."""
    for of_day in _of_days(names):
        yield from _labels(events, of_day)


def expected_folder(events: Path, label: date, names: LandingNames) -> Path:
    """Where a day's folder that is not there should be: beside the newest day's; without any, by the first pattern."""
    newest = {of_day: max(_labels(events, of_day), default=date.min) for of_day in _of_days(names)}
    return events / min(_spelled(max(newest, key=lambda of_day: newest[of_day]), label))


def _labels(events: Path, of_day: str) -> Iterator[date]:
    for path in events.glob(_DIRECTIVES.sub("*", glob.escape(of_day))):
        if path.is_dir() and (day := _day(of_day, str(path.relative_to(events)))):
            yield day


def _of_days(names: LandingNames) -> tuple[str, ...]:
    """The patterns of days' folders, each once."""
    return tuple(dict.fromkeys(_parts(pattern)[0] for pattern in names.folders))


def label_of(file: Path, names: LandingNames) -> date | None:
    """The day of the folder in which a file lies, or of the one above where hours have folders of their own."""
    of_days = _of_days(names)
    for folder in list(file.absolute().parents)[:2]:
        for of_day in of_days:
            if day := _day(of_day, "/".join(folder.parts[-of_day.count("/") - 1 :])):
                return day
    return None


def look_alikes(events: Path, label: date) -> str:
    """What lies below `events/` that may be the day's folder under another name, in words; empty if nothing does."""
    digits = {f"{label:%Y%m%d}", f"{label:%d%m%Y}", f"{label:%m%d%Y}"}
    if near := [name for name in dated(events) if re.sub(r"\D", "", name) in digits]:
        shown = ", ".join(near[:MOST_NAMED])
        return f" {shown} may be it: rename it, or give its pattern in formats.toml ([landing] folders)."
    entries = events.iterdir() if events.is_dir() else []
    loose = sum(path.is_file() and not ignored(path.name, LandingNames()) for path in entries)
    return f" {loose} files lie in events/ itself: put them into folders of their days." if loose else ""


def dated(events: Path) -> list[str]:
    """Folders whose names can be shown and hold as many digits as a date."""
    entries = sorted(events.iterdir()) if events.is_dir() else []
    names = [path.name for path in entries if path.is_dir() and len(re.sub(r"\D", "", path.name)) == len("20260301")]
    return [name for name in names if name.isprintable() and "`" not in name]


def refuse_tables(folder: Path) -> None:
    """Raise RejectedInput for a folder of which not every file counts: those that do are named in a log."""
    kind = next((kind for name, kind in _TABLES if (folder / name).is_dir()), None)
    if kind is None and next((folder / "metadata").glob("*.metadata.json"), None):
        kind = "Iceberg"
    if kind:
        raise RejectedInput(
            f"{folder} is a {kind} table: its log says which files count, and Throng does not read it.",
            "Export the table's present rows as plain Parquet or CSV, and land those files instead.",
            "landing.table_log",
        )


def _parts(pattern: str) -> tuple[str, tuple[str, ...]]:
    """The day's part of a pattern, and that of the hours below it, if any."""
    above, _, last = pattern.rpartition("/")
    return (above, (last,)) if "%H" in last else (pattern, ())


def _spelled(of_day: str, label: date) -> set[str]:
    """The pattern for one day; month and day may lack their zero where that is not ambiguous."""
    short = not _ADJACENT.search(of_day)
    months, days = ({f"{n:02d}", *([str(n)] if short else [])} for n in (label.month, label.day))
    year = of_day.replace("%Y", f"{label.year:04d}")
    return {year.replace("%m", month).replace("%d", day) for month, day in product(months, days)}


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    width = "{2}" if _ADJACENT.search(pattern) else "{1,2}"
    digits = {"%Y": r"(?P<Y>[0-9]{4})"} | {f"%{part}": rf"(?P<{part}>[0-9]{width})" for part in "mdH"}
    literal = (re.escape(each) for each in _DIRECTIVE.split(pattern))
    directives = [digits[each] for each in _DIRECTIVE.findall(pattern)]
    return re.compile("".join(part for pair in zip(literal, [*directives, ""], strict=True) for part in pair))


def _day(pattern: str, folder: str) -> date | None:
    """The day whose folder this is by a pattern."""
    found = _regex(pattern).fullmatch(folder)
    try:
        return date(*(int(found[part]) for part in "Ymd")) if found else None
    except ValueError:  # a folder of another name
        return None
