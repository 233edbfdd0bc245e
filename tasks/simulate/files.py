"""Files of a landing folder: Parquet or CSV, plain or compressed, the same bytes at every run."""

import gzip
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROW_GROUP = 500_000
BROKEN_LINE = b"## link lost\n"
_PLAIN = pyarrow.csv.WriteOptions(quoting_style="needed")
_ROWS_ONLY = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")


def write_table(path: Path, table: pa.Table, broken: Sequence[int] = ()) -> None:
    """Write one table in the form of the suffix; in CSV the rows at positions `broken` are a broken line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        # Text is coded already, so only text columns get a dictionary.
        coded = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        pyarrow.parquet.write_table(
            table, path, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=coded, store_schema=False
        )
    else:
        with _opened(path) as stream:
            _write_lines(stream, _plain(table), broken)


def _opened(path: Path) -> AbstractContextManager[Any]:
    """A stream by the suffix. Python's gzip takes a level and leaves out the time; Arrow's only knows its slowest."""
    if path.suffix == ".gz":
        return closing(gzip.GzipFile(path, "wb", compresslevel=3, mtime=0))
    return closing(pa.output_stream(str(path), compression="zstd" if path.suffix == ".zst" else None))


def _write_lines(stream: Any, table: pa.Table, broken: Sequence[int]) -> None:
    pyarrow.csv.write_csv(table.slice(0, 0), stream, _PLAIN)
    for start, end in zip([0, *(row + 1 for row in broken)], [*broken, len(table)], strict=True):
        if start < end:
            pyarrow.csv.write_csv(table.slice(start, end - start), stream, _ROWS_ONLY)
        if end < len(table):
            stream.write(BROKEN_LINE)


def _plain(table: pa.Table) -> pa.Table:
    """Coded columns as text, instants in ISO 8601 with an offset."""
    for n, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(n, field.name, table[field.name].cast(field.type.value_type))
        elif pa.types.is_timestamp(field.type):
            table = table.set_column(n, field.name, _iso(table[field.name]))
    return table


def _iso(column: pa.ChunkedArray) -> pa.Array:
    texts = np.datetime_as_string(column.to_numpy().astype("datetime64[s]"), timezone="UTC")
    return pa.array(texts, pa.string(), mask=np.asarray(column.is_null()))
