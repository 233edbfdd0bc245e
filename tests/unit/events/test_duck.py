"""Whose fault an error of DuckDB is: the file's, the disk's, the memory limit's, or ours."""

import duckdb
import pytest

from tasks.errors import StepFailed, StorageUnavailable
from tasks.events.duck import raise_unless_the_files


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (duckdb.OutOfMemoryException("limit"), StepFailed),
        (duckdb.IOException('Cannot open file "a": Too many open files'), StorageUnavailable),
        (duckdb.IOException("Could not read from file: Input/output error"), StorageUnavailable),
        (duckdb.IOException("Could not write file: No space left on device"), StorageUnavailable),
        (duckdb.IOException("Disk quota exceeded"), StorageUnavailable),
        (duckdb.BinderException("no such column"), duckdb.BinderException),
        (duckdb.OutOfRangeException("shift"), duckdb.OutOfRangeException),
    ],
    ids=str,
)
def test_what_is_not_the_files_fault_is_never_blamed_on_it(error, raised) -> None:
    with pytest.raises(raised):
        raise_unless_the_files(error)


@pytest.mark.parametrize("error", [duckdb.IOException("cut"), duckdb.InvalidInputException("x"), duckdb.Error("page")])
def test_a_damaged_files_fault_is_left_to_the_reader_to_name(error) -> None:
    raise_unless_the_files(error)
