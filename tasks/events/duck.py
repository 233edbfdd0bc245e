"""DuckDB, held short: bounded memory, no extension ever fetched, hostile file names taken literally."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tasks.errors import StorageUnavailable
from tasks.events.machine import out_of_memory, raise_if_the_machines

_FAULTS_OF_A_FILE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.ConversionException,
    duckdb.NotImplementedException,
)
"""What DuckDB raises over damaged files; over a broken Parquet page also a bare duckdb.Error (seen in 2.0)."""
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
    except duckdb.OutOfMemoryException:
        raise out_of_memory() from None


def exactly(path: Path) -> str:
    """The path as DuckDB takes it for this one file: the characters of a pattern stand for themselves."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))


def name(identifier: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def raise_unless_the_files(error: duckdb.Error) -> None:
    """Raise what is not the read file's fault: memory, disk, or a defect of ours."""
    if isinstance(error, duckdb.OutOfMemoryException):
        raise out_of_memory() from None
    if _CANNOT_SPILL.search(str(error)):
        raise StorageUnavailable(
            "The scratch disk is full or cannot be written.", "Free space under THRONG_HOME, then rerun."
        ) from None
    raise_if_the_machines(error)
    if not isinstance(error, _FAULTS_OF_A_FILE) and type(error) is not duckdb.Error:
        raise error
