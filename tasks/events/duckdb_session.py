"""DuckDB, held short: bounded memory, no extension ever fetched, hostile file names taken literally."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from tasks.errors import StorageUnavailable
from tasks.events.io_errors import out_of_memory, raise_if_the_machines

_FAULTS_OF_A_FILE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.ConversionException,
    duckdb.NotImplementedException,
)
"""What DuckDB raises over damaged files; over a broken Parquet page also a bare duckdb.Error (seen in 2.0)."""
_KIND = re.compile(r"([A-Z][A-Za-z ]+) Error: ")
_CANNOT_SPILL = re.compile("No space left|quota|Could not write|Failed to create directory", re.IGNORECASE)


@contextmanager
def connect(memory_limit: str, threads: int, spill: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, in memory, that spills into `spill`, if anywhere."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "threads": threads,
        "temp_directory": str(spill or ""),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
    }
    try:
        with duckdb.connect(":memory:", config=config) as con:
            con.execute("SET lock_configuration = true")
            yield con
    except duckdb.Error as error:
        raise_unless_the_files(error)
        raise


def arrow_types(con: duckdb.DuckDBPyConnection, types: Sequence[str]) -> list[pa.DataType]:
    """Arrow's types for DuckDB's."""
    nothing = con.sql("SELECT " + ", ".join(f"NULL::{type_} AS c{n}" for n, type_ in enumerate(types)))
    return [field.type for field in nothing.to_arrow_table().schema]


def batches(con: duckdb.DuckDBPyConnection, sql: str, parameters: object, rows: int) -> Iterator[pa.RecordBatch]:
    """A query's result in batches of this number of rows; raises duckdb.Error whenever it fails.

    Once it has begun, Arrow carries an error from DuckDB to us, as an OSError with DuckDB's words.
    """
    reader = con.sql(sql, params=parameters).to_arrow_reader(rows)
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except OSError as error:
            raise _duckdb_error(str(error)) from None
        yield batch


def _duckdb_error(words: str) -> duckdb.Error:
    """DuckDB's error by the name of its kind, with which its words begin; `Invalid` is a library's within it."""
    kind = _KIND.match(words)
    if not kind or kind[1] == "Invalid":
        return duckdb.Error(words)
    name = "".join(word[0].upper() + word[1:] for word in kind[1].split())
    error: duckdb.Error = getattr(duckdb, f"{name}Exception", duckdb.OperationalError)(words)
    return error


def exactly(path: Path) -> str:
    """The path as DuckDB takes it for this one file: the characters of a pattern stand for themselves."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def name(identifier: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def raise_unless_the_files(error: duckdb.Error) -> None:
    """Raise faults that are not the file's: memory, disk, or a defect in Throng."""
    if isinstance(error, duckdb.OutOfMemoryException):
        raise out_of_memory() from None
    if isinstance(error, duckdb.IOException):  # others quote a file's name and lines, which may read like these faults
        if _CANNOT_SPILL.search(str(error)):
            raise StorageUnavailable(
                "The scratch disk is full or cannot be written.",
                "Free space under THRONG_HOME, then rerun.",
                "engine.scratch_unavailable",
            ) from None
        raise_if_the_machines(error)
    if not isinstance(error, _FAULTS_OF_A_FILE) and type(error) is not duckdb.Error:
        raise error
