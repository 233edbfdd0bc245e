"""Rows of a Parquet file one by one: for files of which one value makes DuckDB refuse all."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.events import duckdb_session
from tasks.events.csv_rows import Rows

_BATCH_ROWS = 1 << 16
_MOST = 2**63 - 1
"""DuckDB's infinity, and minus that."""
_END = 8
"""Bytes after the footer: its length, and `PAR1`."""


def parquet_rows(path: Path, used: Sequence[str], int96: Sequence[str] = ()) -> Iterator[Rows]:
    """The rows of a file with its used columns as DuckDB has them; a row with text that is not UTF-8 is set aside.

    `int96`: which of them are old timestamps. Raises OSError or pa.ArrowException where the file is damaged.
    """
    first, instants, rest = 0, _instants(path, int96), pa.table({})
    others = [name for name in used if name not in int96]
    with pq.ParquetFile(path, metadata=_metadata(path), buffer_size=1 << 20, page_checksum_verification=True) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=others):
            while int96 and len(rest) < len(batch) and (more := next(instants, None)) is not None:
                rest = pa.concat_tables([rest, pa.table(more)], promote_options="default").combine_chunks()
            old, rest = rest[: len(batch)], rest[len(batch) :]
            columns = [_as_duckdb(batch[name]) if name in others else old[name].combine_chunks() for name in used]
            places = np.arange(first, first + len(batch))
            broken = np.zeros(len(batch), bool)
            for column in columns:
                broken |= _not_utf8(column)
            if broken.any():
                columns = [column.filter(pa.array(~broken)) for column in columns]
            yield Rows(columns, places[~broken], places[broken])
            first += len(batch)


def _instants(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """A file's columns of old timestamps by DuckDB, as in the fast way: of garbage, pyarrow makes other times."""
    columns = ", ".join(map(duckdb_session.name, names))
    sql = f"SELECT {columns} FROM read_parquet($file, hive_partitioning=false)"
    try:
        with duckdb.connect(":memory:") as con:
            yield from duckdb_session.batches(con, sql, {"file": duckdb_session.exactly(path)}, _BATCH_ROWS)
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        raise OSError(f"{path.name} is damaged") from None


def _metadata(path: Path) -> pq.FileMetaData:
    """A file's metadata without Arrow's schema: that asks for conversions which one bad value fails for all."""
    with path.open("rb") as file:
        file.seek(-_END, os.SEEK_END)
        length = int.from_bytes(file.read(_END)[:4], "little")
        file.seek(-_END - length, os.SEEK_END)
        footer = file.read().replace(b"ARROW:schema", b"arrow:schema")
    return pq.read_metadata(pa.BufferReader(b"PAR1" + footer))


def _as_duckdb(column: pa.Array) -> pa.Array:
    """Microseconds for milliseconds, which DuckDB converts: what is too far away stays far away."""
    if not pa.types.is_timestamp(column.type) or column.type.unit != "ms":
        return column
    millis, most = column.cast(pa.int64()), pa.scalar(_MOST // 1000)
    near = pc.min_element_wise(millis, most, skip_nulls=False)
    micros = pc.multiply(pc.max_element_wise(near, pc.negate(most), skip_nulls=False), 1000)
    infinite = pc.is_in(millis, value_set=pa.array([_MOST, -_MOST]))
    return pc.if_else(infinite, millis, micros).cast(pa.timestamp("us", column.type.tz))


def _not_utf8(column: pa.Array) -> NDArray[np.bool_]:
    """Which values are text and yet not UTF-8."""
    if pa.types.is_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            values = [value or b"" for value in column.cast(pa.binary()).to_pylist()]
            return np.array([value.decode(errors="ignore").encode() != value for value in values])
    return np.zeros(len(column), bool)
