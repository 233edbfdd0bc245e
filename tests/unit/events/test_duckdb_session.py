"""Whose fault an error of DuckDB is: the file's, the disk's, the memory limit's, or ours."""

from typing import Any

import duckdb
import pytest

from tasks.errors import StepFailed, StorageUnavailable
from tasks.events.duckdb_session import batches, connect, raise_unless_the_files


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
def test_what_is_not_the_files_fault_is_never_blamed_on_it(error: Any, raised: Any) -> None:
    with pytest.raises(raised):
        raise_unless_the_files(error)


@pytest.mark.parametrize("error", [duckdb.IOException("cut"), duckdb.InvalidInputException("x"), duckdb.Error("page")])
def test_a_damaged_files_fault_is_left_to_the_reader_to_name(error: Any) -> None:
    raise_unless_the_files(error)


LATE = {
    "CAST(IF(i < 400000, '1', 'x') AS INT)": duckdb.ConversionException,
    "repeat('x', IF(i < 400000, 1, 1000000000))": duckdb.OutOfMemoryException,
    "IF(i < 400000, 1, error('said'))": duckdb.InvalidInputException,
}


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("first", [0, 399_999])
def test_an_error_is_of_its_kind_whether_it_is_met_at_once_or_after_much_was_read(late: str, first: int) -> None:
    sql = f"SELECT {late} FROM range({first}, 400001) AS numbers(i)"
    with duckdb.connect(config={"memory_limit": "50MB", "threads": 1}) as con, pytest.raises(LATE[late]):
        list(batches(con, sql, [], 2048))


@pytest.mark.parametrize(
    ("error", "raised"),
    [(duckdb.IOException("cut"), duckdb.IOException), (duckdb.IOException("Too many open files"), StorageUnavailable)],
    ids=str,
)
def test_a_connection_ends_with_the_machines_fault_or_with_the_error_itself(error: Any, raised: Any) -> None:
    with pytest.raises(raised), connect("50MB", 1, None):
        raise error
