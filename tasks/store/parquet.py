"""Tables as Parquet bytes: zstd, and the same bytes for the same rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.store import usage
from tasks.store.atomic_files import translate_errors


def parquet(table: pa.Table) -> memoryview:
    """A table's bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return memoryview(sink.getvalue())


def read_table(path: Path) -> pa.Table:
    """Read one file; the names of its folders (`date=`, `bucket=`) do not become columns."""
    with translate_errors(path.parent):
        usage.add_read(path.stat().st_size)
        return pq.ParquetFile(path).read()


def table_of(content: bytes) -> pa.Table:
    """The table of these bytes."""
    return pq.ParquetFile(pa.BufferReader(content)).read()
