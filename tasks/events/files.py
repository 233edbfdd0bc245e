"""Landing files sorted into groups that one query can read: same folder, format, kind and columns."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import RejectedInput
from tasks.events import duckdb_session
from tasks.events.csv_rows import open_csv
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import INT96, Column
from tasks.events.formats.detect import PARQUET as PARQUET_KIND
from tasks.events.formats.detect import Typed, UnreadableFile, choose, kind_of
from tasks.events.formats.sections import EventFormat, Ids, Layout
from tasks.events.io_errors import raise_if_the_machines
from tasks.events.landing import LandingFile

_HEADER_BYTES = 1 << 16
_FIRST_LINES = 100
MOST_FILES = 1000
"""Files of one query: of a thousand, one that is damaged costs a second look at no more than these."""


@dataclass(frozen=True)
class RejectedFile:
    """A file that is rejected by name, and why; nothing of it is used."""

    name: str
    why: str


@dataclass(frozen=True)
class FileGroup:
    """Files that one query reads: format, kind (suffix), column names and DuckDB types, and the folder's label."""

    format: EventFormat
    kind: str
    columns: Typed
    label: date
    files: tuple[LandingFile, ...]
    ids: Ids
    padded: bool = False
    """Some of their ids or cells have blanks around them: all are trimmed."""


CSV = """read_csv($files, columns=$columns, compression=$compression, quote='"', escape='"', auto_detect=false,
    header=$header, delim=$delim, nullstr='', hive_partitioning=false,
    ignore_errors=true, store_rejects=true, rejects_limit=100000)"""
"""Every column is text, so that a bad value is a row's fault; a line that is no row is listed, not an error."""
PARQUET = "read_parquet($files, hive_partitioning=false)"


def group_files(
    files: Sequence[LandingFile], formats: Formats | None = None
) -> tuple[tuple[FileGroup, ...], tuple[RejectedFile, ...]]:
    """Groups by folder, format, kind and columns, and the files that fit none; raises RejectedInput if none fits."""
    formats = formats or shipped()
    groups: dict[tuple[str, str, Typed, date], list[LandingFile]] = defaultdict(list)
    unreadable: list[RejectedFile] = []
    for file in files:
        try:
            kind = kind_of(file.path.name, tuple(formats.events.values()))
            name, columns = choose(file.path.name, formats, reader(file.path, kind))
            groups[name, kind, columns, file.label].append(file)
        except UnreadableFile as fault:
            unreadable.append(RejectedFile(file.name, str(fault)))
    if unreadable and not groups:
        raise RejectedInput(
            f"None of {len(unreadable)} event files can be read. {unreadable[0].name}: {unreadable[0].why}.",
            "Send them in a known format, or map theirs: `throng inspect FILE` writes the lines of formats.toml.",
            "landing.no_readable_file",
        )
    found = tuple(
        FileGroup(formats.events[name], kind, columns, label, tuple(group[first : first + MOST_FILES]), formats.ids)
        for (name, kind, columns, label), group in groups.items()
        for first in range(0, len(group), MOST_FILES)
    )
    return found, tuple(unreadable)


def reader(path: Path, kind: str) -> Callable[[Layout], Typed]:
    """A file's columns as a layout splits them; the file is opened once."""
    if kind == PARQUET_KIND:
        columns = _parquet_columns(_parquet_schema(path))
        return lambda _: columns
    head = _head(path)
    return lambda layout: csv_columns(_first(head), layout) if layout.header else _headerless(head, layout)


def count_lines(path: Path) -> int:
    """Lines of a CSV file that are not blank, compressed or not; raises OSError if a stream is cut or damaged.

    DuckDB reads half a .zst as if it were whole, and checks no .gz checksum: so each file is gone through here.
    """
    lines, last = 0, b"\n"
    with open_csv(path) as stream:
        while chunk := stream.read(1 << 20):
            text = last + chunk.translate(None, b"\r")
            ends = np.frombuffer(text, np.uint8) == ord("\n")
            lines, last = lines + int(np.count_nonzero(ends[1:] & ~ends[:-1])), text[-1:]
    return lines + (last != b"\n")


def columns_of(path: Path, layout: Layout | None = None) -> Typed:
    """Names and DuckDB types of a file's columns, in their order; raises UnreadableFile."""
    layout = layout or Layout()
    return reader(path, kind_of(path.name, [layout]))(layout)


def source(
    paths: Sequence[Path], kind: str, columns: Sequence[tuple[str, str]], layout: Layout
) -> tuple[str, dict[str, object], dict[str, Column]]:
    """The table function that reads files of the same columns, its parameters, and the columns as SQL names them."""
    files = [duckdb_session.exactly(path) for path in paths]
    if kind == ".parquet":
        return PARQUET, {"files": files}, {name: Column(duckdb_session.name(name), type_) for name, type_ in columns}
    places = {f"c{place}": name for place, (name, _) in enumerate(columns)}
    parameters: dict[str, object] = {
        "files": files,
        "columns": dict.fromkeys(places, "VARCHAR"),
        "compression": {".csv": "none", ".csv.gz": "gzip", ".csv.zst": "zstd"}[kind],
        "header": layout.header,
        "delim": layout.separator,
    }
    return CSV, parameters, {name: Column(place, "VARCHAR") for place, name in places.items()}


@dataclass(frozen=True)
class _ParquetSchema:
    """A Parquet file's schema by its words, which tell equal ones in a hundredth of the time that DuckDB takes."""

    words: str
    path: Path = field(compare=False)
    old: frozenset[str] = field(compare=False)
    """Columns of Parquet's old timestamps, which DuckDB shows like new ones without timezone."""


def _parquet_schema(path: Path) -> _ParquetSchema:
    try:
        schema = pq.read_metadata(path).schema
    except (OSError, pa.ArrowException) as error:
        raise_if_the_machines(error)
        raise UnreadableFile("it is truncated, or not a Parquet file") from None
    columns = [schema.column(place) for place in range(len(schema))]
    old = frozenset(column.path for column in columns if column.physical_type == "INT96")
    return _ParquetSchema(str(schema).partition("\n")[2], path, old)  # the first line names an address in memory


@lru_cache(maxsize=256)
def _parquet_columns(schema: _ParquetSchema) -> Typed:
    query = f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {PARQUET})"
    try:
        with duckdb.connect(":memory:") as con:
            found = con.execute(query, {"files": duckdb_session.exactly(schema.path)}).fetchall()
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        raise UnreadableFile("it is truncated, or not a Parquet file") from None
    return tuple((str(name), INT96 if name in schema.old else str(type_)) for name, type_ in found)


def header_line(path: Path) -> str:
    """A CSV file's first line; raises UnreadableFile if it is empty or no text."""
    return _first(_head(path))


def _head(path: Path) -> bytes:
    try:
        with open_csv(path) as stream:
            head: bytes = stream.read(_HEADER_BYTES)
            return head
    except OSError as error:
        raise_if_the_machines(error)
        raise UnreadableFile("its compressed stream is damaged") from None


def _first(head: bytes) -> str:
    try:
        line = head.partition(b"\n")[0].rstrip(b"\r").decode("utf-8-sig")
    except UnicodeError:
        raise UnreadableFile("its first line is not UTF-8 text of names") from None
    if not line:
        raise UnreadableFile("it is empty: a first line of column names is expected")
    return line


def csv_columns(line: str, layout: Layout) -> Typed:
    """The columns of a CSV file by its first line."""
    names = _fields(line, layout.separator)
    if not names:
        raise UnreadableFile("its first line is not UTF-8 text of names")
    return tuple((name.strip(), "VARCHAR") for name in names)


def _headerless(head: bytes, layout: Layout) -> Typed:
    """The layout's columns, if most of a file's first lines have as many: no single row decides this."""
    lines = head.decode(errors="replace").split("\n", _FIRST_LINES)[:_FIRST_LINES]
    widths = Counter(len(_fields(line, layout.separator)) for each in lines if (line := each.rstrip("\r")))
    fits = 0 < widths[len(layout.names)] == max(widths.values(), default=0)
    return tuple((name, "VARCHAR") for name in layout.names) if fits else ()


def _fields(line: str, separator: str) -> list[str]:
    """The fields of a line; none if it is not CSV."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
