"""The delivered rows as Parquet, a table a folder."""

import io

import pyarrow.parquet as pq

from tasks.deliverable.columns import key_columns
from tasks.deliverable.renderers.spec import Renderer, RenderInput

ROW_GROUP = 1 << 17
"""Rows a group: a national day of one table has a few, so that readers can skip by place and hour."""


def parquet(content: RenderInput) -> bytes:
    """Parquet of format 2.6, zstd, sorted by key, with a page index, descriptions and units."""
    (rows,) = content.tables.values()
    order = [pq.SortingColumn(rows.column_names.index(column)) for column in key_columns(content.table)]
    sink = io.BytesIO()
    pq.write_table(
        rows,
        sink,
        version="2.6",
        compression="zstd",
        compression_level=6,
        row_group_size=ROW_GROUP,
        sorting_columns=order,
        write_page_index=True,
    )
    return sink.getvalue()


RENDERER = Renderer(
    name="parquet",
    file="{product}.parquet",
    media_type="application/vnd.apache.parquet",
    meaning="the numbers",
    render=parquet,
    holds="table",
    below="data",
)
