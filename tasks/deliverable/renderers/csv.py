"""data.csv: the delivered rows as text."""

import io

import pyarrow.csv

from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.serialisation import as_text


def csv(content: RenderInput) -> bytes:
    """CSV (RFC 4180, but lines end in LF): UTF-8, texts quoted, nothing for null, times with their offset."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(as_text(content.data), sink)
    return sink.getvalue()


RENDERER = Renderer(
    "csv",
    "data.csv",
    "text/csv; charset=utf-8",
    "the same rows; UTF-8, an empty field where there is no number",
    csv,
    on_request=True,
    has_rows=True,
)
