"""data.parquet: the delivered rows."""

import io

import pyarrow.parquet

from tasks.deliverable.renderers.spec import Renderer, RenderInput


def parquet(content: RenderInput) -> bytes:
    """Parquet of format 2.6, zstd."""
    sink = io.BytesIO()
    pyarrow.parquet.write_table(
        content.data, sink, version="2.6", compression="zstd", compression_level=6, row_group_size=1 << 20
    )
    return sink.getvalue()


RENDERER = Renderer("parquet", "data.parquet", "application/vnd.apache.parquet", "the numbers", parquet, has_rows=True)
