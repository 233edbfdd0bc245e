"""Landing files sorted into groups that one query can read: same folder, format, kind and columns."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from tasks.errors import RejectedInput
from tasks.events import duck
from tasks.events.formats import FORMATS, Format
from tasks.events.formats.columns import Column
from tasks.events.landing import LandingFile
from tasks.events.machine import raise_if_the_machines

KINDS = (".parquet", ".csv", ".csv.gz", ".csv.zst")
_HEADER_BYTES = 1 << 16
_NAME = re.compile(r"[A-Za-z_][A-Za-z_ .-]{0,40}\d{0,2}")


@dataclass(frozen=True)
class UnreadableFile:
    """A file that is rejected by name, and why; nothing of it is used."""

    name: str
    why: str


@dataclass(frozen=True)
class FileGroup:
    """Files that one query reads: format, kind (suffix), column names and DuckDB types, and the folder's label.

    `quoted`: CSV values may stand in quotes; false for files whose quotes do not close on their own line.
    """

    format: str
    kind: str
    columns: tuple[tuple[str, str], ...]
    label: date
    files: tuple[LandingFile, ...]
    quoted: bool = True


class Unfit(Exception):
    """Why a file cannot be read, in words without a value of its rows."""


CSV = """read_csv($files, columns=$columns, compression=$compression, quote=$quote, escape=$quote, auto_detect=false,
    header=true, delim=',', nullstr='', hive_partitioning=false,
    ignore_errors=true, store_rejects=true, rejects_limit=100000)"""
"""Every column is text, so that a bad value is a row's fault; a line that is no row is listed, not an error."""
PARQUET = "read_parquet($files, hive_partitioning=false)"


def group_files(files: Sequence[LandingFile]) -> tuple[tuple[FileGroup, ...], tuple[UnreadableFile, ...]]:
    """Groups by folder, format, kind and columns, and the files that fit none; raises RejectedInput if none fits."""
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...], date], list[LandingFile]] = defaultdict(list)
    unreadable = []
    for file in files:
        try:
            kind = _kind(file.path)
            columns = columns_of(file.path)
            groups[_format(columns, kind).name, kind, columns, file.label].append(file)
        except Unfit as fault:
            unreadable.append(UnreadableFile(file.name, str(fault)))
    if unreadable and not groups:
        raise RejectedInput(
            f"None of {len(unreadable)} event files can be read. {unreadable[0].name}: {unreadable[0].why}.",
            "Send them again in a known format.",
        )
    return tuple(FileGroup(*key, tuple(found)) for key, found in groups.items()), tuple(unreadable)


def count_lines(path: Path, *, blank: bool) -> int:
    """Lines of a CSV file, compressed or not, with or without blank ones; raises OSError if a stream is cut or damaged.

    DuckDB reads half a .zst as if it were whole, and checks no .gz checksum: so each file is gone through here.
    """
    with _open(path) as stream:
        if not blank:
            return sum(1 for line in io.BufferedReader(stream) if line.strip(b"\r\n"))
        lines, last = 0, b"\n"
        while chunk := stream.read(1 << 20):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
        return lines + (last != b"\n")


def _open(path: Path) -> pa.NativeFile:
    """A CSV file's bytes, decompressed as its name says."""
    suffix = path.suffix.lower()
    return pa.input_stream(str(path), compression={".gz": "gzip", ".zst": "zstd"}.get(suffix))


def _kind(path: Path) -> str:
    kind = next((kind for kind in KINDS if path.name.lower().endswith(kind)), None)
    if kind is None:
        raise Unfit(f"its name ends in none of {', '.join(KINDS)}")
    return kind


def columns_of(path: Path) -> tuple[tuple[str, str], ...]:
    """Names and DuckDB types of a file's columns, in their order; raises Unfit."""
    if _kind(path) == ".parquet":
        return _parquet_columns(path)
    return tuple((name, "VARCHAR") for name in csv_header(path))


def source(
    paths: Sequence[Path], kind: str, columns: Sequence[tuple[str, str]], *, quoted: bool = True
) -> tuple[str, dict[str, object], dict[str, Column]]:
    """The table function that reads files of the same columns, its parameters, and the columns as SQL names them."""
    files = [duck.exactly(path) for path in paths]
    if kind == ".parquet":
        return PARQUET, {"files": files}, {name: Column(duck.name(name), type_) for name, type_ in columns}
    places = {f"c{place}": name for place, (name, _) in enumerate(columns)}
    parameters: dict[str, object] = {
        "files": files,
        "columns": dict.fromkeys(places, "VARCHAR"),
        "compression": {".csv": "none", ".csv.gz": "gzip", ".csv.zst": "zstd"}[kind],
        "quote": '"' if quoted else "",
    }
    return CSV, parameters, {name: Column(place, "VARCHAR") for place, name in places.items()}


def _parquet_columns(path: Path) -> tuple[tuple[str, str], ...]:
    query = "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($file, hive_partitioning=false))"
    try:
        with duckdb.connect(":memory:") as con:
            found = con.execute(query, {"file": duck.exactly(path)}).fetchall()
    except duckdb.Error as error:
        duck.raise_unless_the_files(error)
        raise Unfit("it is truncated, or not a Parquet file") from None
    return tuple((str(name), str(type_)) for name, type_ in found)


def csv_header(path: Path) -> list[str]:
    """The names in a CSV file's first line."""
    try:
        with _open(path) as stream:
            line = stream.read(_HEADER_BYTES).decode("utf-8-sig", errors="surrogateescape").partition("\n")[0]
        names = next(csv.reader([line.rstrip("\r").encode().decode()]), [])
    except OSError as error:
        raise_if_the_machines(error)
        raise Unfit("its compressed stream is damaged") from None
    except (UnicodeError, csv.Error):
        raise Unfit("its first line is not UTF-8 text of names") from None
    if not names:
        raise Unfit("it is empty: a first line of column names is expected")
    return names


def _format(in_order: tuple[tuple[str, str], ...], kind: str) -> Format:
    """The format that the columns tell, each there once and of a type it may have."""
    columns = dict(in_order)
    fits = [each for each in FORMATS.values() if each.required.keys() <= columns.keys()]
    if not fits:
        raise Unfit(_unknown(tuple(columns), kind))
    names = [name for name, _ in in_order]
    for name, wanted in fits[0].used.items():
        if names.count(name) > 1:
            raise Unfit(f"column {name} is there more than once")
        if name in columns and columns[name] not in wanted.value:
            outer = columns[name].partition("(")[0]  # names within it may be a row's values
            raise Unfit(f"column {name} is {outer}, which cannot be read as {wanted.name.lower()}")
    return fits[0]


def _unknown(columns: tuple[str, ...], kind: str) -> str:
    """What was seen, and which columns are known; a file without header has a row's values for names: never shown."""
    known = "; ".join(f"{each.name}: {', '.join(each.required)}" for each in FORMATS.values())
    delimiter = next((d for d in ";\t|" if len(columns) == 1 and d in columns[0]), None)
    if delimiter:
        seen = f"its first line is separated by {delimiter!r}, a comma is expected"
    elif not all(_NAME.fullmatch(name) for name in columns):
        first = "its columns are named by" if kind == ".parquet" else "its first line has"
        seen = f"{first} {len(columns)} values that are no column names"
    else:
        seen = _seen(columns)
    return f"{seen} (known formats: {known})"


def _seen(columns: Sequence[str]) -> str:
    """The columns by the names that some format knows; the others by their number."""
    known = {name for each in FORMATS.values() for name in each.used}
    named = list(dict.fromkeys(name for name in columns if name in known))
    others = sum(name not in known for name in columns)
    if not named:
        return f"none of its {others} columns has a known name"
    return f"it has {', '.join(named)}" + (f" and {others} columns of other names" if others else "")
