"""The delivered rows as text, a table a file."""

import csv
import io

from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.serialisation import as_text


def rfc4180(content: RenderInput) -> bytes:
    """CSV (RFC 4180) in UTF-8 with its period in front; an empty field where there is no number."""
    (rows,) = content.tables.values()
    sink = io.StringIO(newline="")
    lines = csv.writer(sink)
    lines.writerow(["period", *rows.column_names])
    period = str(content.release.period)
    for batch in as_text(rows).to_batches():
        lines.writerows(zip([period] * batch.num_rows, *(column.to_pylist() for column in batch.columns), strict=True))
    return sink.getvalue().encode()


RENDERER = Renderer(
    name="csv",
    file="{table}.csv",
    media_type="text/csv; charset=utf-8",
    meaning="the same rows for programs: UTF-8, decimal points, an empty field where there is no number",
    render=rfc4180,
    on_request=True,
    holds="table",
)
