"""What ends a stream of rows early: a file's fault names the file, any other is raised as it is."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import StepFailed, StorageUnavailable
from tasks.events.csv_rows import Rows
from tasks.events.row_stream import RowStream


def read(fault: Exception) -> RowStream:
    """A stream over two files, of which the first ends in a fault."""

    def rows(path: Path) -> Iterator[Rows]:
        if path.name == "a":
            raise fault
        yield Rows([pa.array(["x"])], pa.array([0]).to_numpy(), pa.array([1]).to_numpy())

    stream = RowStream([Path("a"), Path("b")], rows)
    stream.reader([pa.string()]).read_all()
    return stream


@pytest.mark.parametrize("fault", [OSError("cut"), pa.ArrowInvalid("page")])
def test_a_damaged_file_is_remembered_and_the_next_one_is_read(fault: Any) -> None:
    stream = read(fault)
    stream.check()
    assert (stream.damaged, [number for number, _ in stream.unreadable]) == ([0], [1])


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), StorageUnavailable),
        (pa.ArrowMemoryError("no more"), StepFailed),
        (KeyError("ours"), KeyError),
    ],
    ids=str,
)
def test_what_is_no_files_fault_is_raised_as_it_is(fault: Any, raised: Any) -> None:
    stream = read(fault)
    assert not stream.damaged
    with pytest.raises(raised):
        stream.check()
