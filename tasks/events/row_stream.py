"""Files as a table of rows for DuckDB; unreadable rows and files are collected apart and stop nothing."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.events.csv_rows import Rows
from tasks.events.io_errors import out_of_memory, raise_if_the_machines
from tasks.events.packed_key import Int64


class RowStream:
    """Rows of files, one file after another: columns c0, c1 ..., `file_index` and `file_row_number`, both from 0."""

    def __init__(self, paths: Sequence[Path], rows: Callable[[Path], Iterator[Rows]]) -> None:
        self.unreadable: list[tuple[int, Int64]] = []
        """File by number, and the places of its rows that cannot be read."""
        self.damaged: list[int] = []
        """Files, by number, that end in a fault: nothing of them may be used."""
        self._paths, self._rows = paths, rows
        self._fault: Exception | None = None

    def reader(self, types: Sequence[pa.DataType]) -> pa.RecordBatchReader:
        """All rows, their columns of these types; read it once."""
        columns = {f"c{place}": type_ for place, type_ in enumerate(types)}
        schema = pa.schema({**columns, "file_index": pa.int32(), "file_row_number": pa.int64()})
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def check(self) -> None:
        """Raise what has ended the reading early: DuckDB would tell it in words that may hold values."""
        if self._fault:
            raise self._fault

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for number in range(len(self._paths)):
                yield from self._of(number, schema)
        except Exception as fault:
            self._fault = fault

    def _of(self, number: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for rows in self._rows(self._paths[number]):
                if len(rows.unreadable):
                    self.unreadable.append((number, rows.unreadable))
                file = pa.array(np.full(len(rows.places), number, np.int32))
                given = zip([*rows.columns, file, pa.array(rows.places)], schema.types, strict=True)
                yield pa.record_batch([column.cast(type_) for column, type_ in given], schema)
        except pa.ArrowMemoryError:
            raise out_of_memory() from None
        except (OSError, pa.ArrowException) as error:
            raise_if_the_machines(error)
            self.damaged.append(number)
