"""Tables as Parquet bytes: zstd, and the same bytes for the same rows."""

import pyarrow as pa
import pyarrow.parquet as pq


def parquet(table: pa.Table) -> memoryview:
    """A table's bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return memoryview(sink.getvalue())


def table_of(content: bytes) -> pa.Table:
    """The table of these bytes."""
    return pq.ParquetFile(pa.BufferReader(content)).read()
