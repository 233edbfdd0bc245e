"""Which format a file has, by its columns; and what is said of one that has none."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch

from tasks.events.formats import Formats
from tasks.events.formats.expressions import kinds, required
from tasks.events.formats.sections import EventFormat, Layout

_NAME = re.compile(r"[A-Za-z_][A-Za-z_ .-]{0,40}\d{0,2}")
PARQUET = ".parquet"
COMPRESSIONS = (".gz", ".zst")
Typed = tuple[tuple[str, str], ...]
"""Names and DuckDB types of a file's columns, in their order."""


class UnreadableFile(Exception):
    """Why a file cannot be read, in words without a value of its rows."""


def kind_of(file: str, layouts: Sequence[Layout]) -> str:
    """`.parquet`, or `.csv` with its compression, by a file's name; raises UnreadableFile if no layout fits."""
    name = file.lower()
    if name.endswith(PARQUET):
        return PARQUET
    compression = next((each for each in COMPRESSIONS if name.endswith(each)), "")
    if any(_is_csv(name, layout) for layout in layouts):
        return f".csv{compression}"
    known = dict.fromkeys(suffix for layout in layouts for suffix in layout.suffixes)
    others = "unless a mapping names its ending in `suffixes`, as `throng inspect` proposes"
    raise UnreadableFile(
        f"its name ends in none of {', '.join((PARQUET, *known))}, and so it is no event file {others}"
    )


def _is_csv(name: str, layout: Layout) -> bool:
    endings = tuple(f"{suffix.lower()}{each}" for suffix in layout.suffixes for each in ("", *COMPRESSIONS))
    return name.endswith(endings)


def takes(layout: Layout, file: str) -> bool:
    """Whether files of such a name can have this layout."""
    name = file.lower()
    right = name.endswith(PARQUET) or _is_csv(name, layout)
    return right and (not layout.files or any(fnmatch(name, pattern.lower()) for pattern in layout.files))


def choose(file: str, formats: Formats, columns: Callable[[EventFormat], Typed]) -> tuple[str, Typed]:
    """The one format that a file has, and its columns read so: the operator's own first; raises UnreadableFile."""
    possible = {name: each for name, each in formats.events.items() if takes(each, file)}
    if not possible:
        raise UnreadableFile("no format is for files of its name: see `files` and `suffixes` in the mapping")
    seen, faults = dict[str, Typed](), list[UnreadableFile]()
    for name, each in possible.items():
        try:
            seen[name] = columns(each)
        except UnreadableFile as fault:  # a first line that is no header may be a row of a file without one
            faults.append(fault)
    fits = [name for name, found in seen.items() if not lacking([each for each, _ in found], possible[name])]
    fits = [name for name in fits if name in formats.own] or fits
    if len(fits) > 1:
        raise UnreadableFile(
            f"formats {' and '.join(fits)} both fit it: tell them apart by `files` or `detect` in the mapping"
        )
    if not fits:
        raise faults[0] if faults else UnreadableFile(unknown(seen, possible, file))
    check(seen[fits[0]], formats.events[fits[0]])
    return fits[0], seen[fits[0]]


def by_format(names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """The file's name of each wanted column that is there: exactly so called, or so but for case."""
    folded = {name.casefold(): name for name in reversed(names)}
    return {name: name if name in names else folded[name.casefold()] for name in wanted if name.casefold() in folded}


def lacking(names: Sequence[str], format_: EventFormat) -> list[str]:
    """Columns that a format needs and the file does not have."""
    wanted = required(format_)
    found = by_format(names, wanted)
    return [name for name in wanted if name not in found]


def check(columns: Sequence[tuple[str, str]], format_: EventFormat) -> None:
    """Each column that is used is there once and of a type that it may have; raises UnreadableFile."""
    types, count = dict(columns), Counter(name.casefold() for name, _ in columns)
    wanted = kinds(format_)
    for name, there in by_format([name for name, _ in columns], tuple(wanted)).items():
        if count[name.casefold()] > 1:
            raise UnreadableFile(f"column {name} is there more than once")
        if not wanted[name].takes(types[there]):
            outer = types[there].partition("(")[0]  # names within it may be a row's values
            hint = "; a mapping can say its `unit` or `pattern`" if name in format_.time.column else ""
            raise UnreadableFile(f"column {name} is {outer}, which cannot be read as {wanted[name].name.lower()}{hint}")


def unknown(seen: Mapping[str, Typed], formats: Mapping[str, EventFormat], file: str) -> str:
    """What was seen, and what the nearest format lacks; a first line without names is a row, and is not shown."""
    columns = {name: [each for each, _ in found] for name, found in seen.items()}
    missing = {name: lacking(columns[name], each) for name, each in formats.items()}
    nearest = min(missing, key=lambda name: len(missing[name]) / len(required(formats[name])))
    known = "; ".join(f"{name}: {', '.join(required(each))}" for name, each in formats.items())
    return (
        f"{_seen(columns[nearest], formats, file)}; the nearest format, {nearest}, lacks {', '.join(missing[nearest])}"
        f" (known formats: {known}; any other can be mapped in formats.toml)"
    )


def _seen(names: Sequence[str], formats: Mapping[str, EventFormat], file: str) -> str:
    """The columns by the names that some format knows; the others by their number."""
    delimiter = next((d for d in ";\t|" if len(names) == 1 and d in names[0]), None)
    if delimiter:
        return f"its first line is separated by {delimiter!r}: a mapping can say `separator = {delimiter!r}`"
    if not all(_NAME.fullmatch(name) for name in names):
        first = "its columns are named by" if file.lower().endswith(PARQUET) else "its first line has"
        return f"{first} {len(names)} values that are no column names"
    known = {name.casefold() for each in formats.values() for name in kinds(each)}
    named = list(dict.fromkeys(name for name in names if name.casefold() in known))
    others = sum(name.casefold() not in known for name in names)
    if not named:
        return f"none of its {others} columns has a known name"
    return f"it has {', '.join(named)}" + (f" and {others} columns of other names" if others else "")
