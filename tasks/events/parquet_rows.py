"""Rows of a Parquet file one by one: for files of which one value makes DuckDB refuse all."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.events.csv_rows import Rows

_BATCH_ROWS = 1 << 16
_MICROS = {"s": 1_000_000, "ms": 1_000}
"""Microseconds of the units that DuckDB converts."""


def parquet_rows(path: Path, used: Sequence[str]) -> Iterator[Rows]:
    """The rows of a file with its used columns as DuckDB has them; a row with text that is not UTF-8 is set aside.

    Raises OSError or pa.ArrowException where the file is damaged.
    """
    first = 0
    with pq.ParquetFile(
        path, buffer_size=1 << 20, page_checksum_verification=True, coerce_int96_timestamp_unit="us"
    ) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(used)):
            columns = [_as_duckdb(batch.column(name)) for name in used]
            places = np.arange(first, first + len(batch))
            broken = np.zeros(len(batch), bool)
            for column in columns:
                broken |= _not_utf8(column)
            if broken.any():
                columns = [column.filter(pa.array(~broken)) for column in columns]
            yield Rows(columns, places[~broken], places[broken])
            first += len(batch)


def _as_duckdb(column: pa.Array) -> pa.Array:
    """Plain text for a dictionary; microseconds for longer units, where what is too far away stays far away."""
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and column.type.unit in _MICROS:
        factor = _MICROS[column.type.unit]
        limit = pa.scalar((2**63 - 1) // factor)
        near = pc.max_element_wise(
            pc.min_element_wise(column.cast(pa.int64()), limit, skip_nulls=False), pc.negate(limit), skip_nulls=False
        )
        return pc.multiply(near, factor).cast(pa.timestamp("us", column.type.tz))
    return column


def _not_utf8(column: pa.Array) -> NDArray[np.bool_]:
    """Which values are text and yet not UTF-8."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            return np.array([not _is_utf8(value or b"") for value in column.cast(pa.binary()).to_pylist()])
    return np.zeros(len(column), bool)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
