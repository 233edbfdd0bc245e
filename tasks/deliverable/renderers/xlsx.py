"""The delivered rows as one Excel workbook: notes, a sheet a table, and the zones."""

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter  # type: ignore[import-untyped]

from tasks.deliverable.number_columns import DENSITY, SHARES
from tasks.deliverable.reference import GEOMETRY, zones
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.workbook_notes import notes

MAX_ROWS = 1_048_575
"""Rows of a sheet below its header: Excel's limit."""
NAME_LENGTH = 31
"""Characters of a sheet's name: Excel's limit."""
A4 = 9
LINE, LINE_LENGTH = 15, 90
"""Points and characters of a line of a note. LibreOffice does not fit the height of a row to its text."""
FORMATS = {
    "date": {"num_format": "yyyy-mm-dd"},
    "time": {"num_format": "yyyy-mm-dd hh:mm"},
    "count": {"num_format": "#,##0"},
    "decimal": {"num_format": "#,##0.0"},
    "digits": {"num_format": "#,##0.0##"},
    "percent": {"num_format": "0.0%"},
    "small": {"num_format": "0"},
    "text": {"indent": 1},
}
WIDTHS = {"date": 11, "time": 17}
"""Least characters of a column; Excel shows a date that does not fit as ###."""


def xlsx(content: RenderInput) -> bytes:
    """A workbook with typed columns, filters, and a header on each printed page; a long table has several sheets."""
    sink = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(sink, options) as book:
        book.set_properties({"title": content.release.id, "created": content.release.created_at.replace(tzinfo=None)})
        _notes(book, content)
        for table in content.release.tables:
            _sheets(book, content, table.name, content.tables[table.name])
        _sheets(book, content, "zones", zones(content).drop_columns([GEOMETRY]))
    return sink.getvalue()


def _notes(book: Any, content: RenderInput) -> None:
    sheet = _printable(book, content, "notes")
    sheet.set_column(0, 0, 30, book.add_format({"bold": True, "valign": "top"}))
    sheet.set_column(1, 1, 100, book.add_format({"text_wrap": True, "valign": "top"}))
    for row, (name, text) in enumerate(notes(content)):
        sheet.set_row(row, LINE * -(-len(text) // LINE_LENGTH))
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, text)


def _sheets(book: Any, content: RenderInput, name: str, rows: pa.Table) -> None:
    for number, start in enumerate(range(0, max(rows.num_rows, 1), MAX_ROWS)):
        title = f"{name[: NAME_LENGTH - 3]}_{number + 1}" if rows.num_rows > MAX_ROWS else name[:NAME_LENGTH]
        _rows(book, _printable(book, content, title), rows.slice(start, MAX_ROWS))


def _printable(book: Any, content: RenderInput, title: str) -> Any:
    """A new sheet that prints on landscape A4, as wide as the page, with release, sheet and page number below."""
    sheet = book.add_worksheet(title)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.set_margins(0.4, 0.4, 0.4, 0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{content.release.id}&C&A&R&P / &N")
    return sheet


def _rows(book: Any, sheet: Any, rows: pa.Table) -> None:
    formats = {kind: book.add_format(form) for kind, form in FORMATS.items()}
    headers = {
        kind: book.add_format({"bold": True, "bottom": 1, **({"indent": 1} if kind == "text" else {"align": "right"})})
        for kind in FORMATS
    }
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, rows.num_rows, rows.num_columns - 1)
    for place, field in enumerate(rows.schema):
        kind, column = _kind(field), rows[field.name]
        sheet.set_column(place, place, _width(field.name, kind, column))
        sheet.write_string(0, place, field.name, headers[kind])
        for row, value in enumerate(column.to_pylist(), 1):
            if isinstance(value, datetime):
                value = value.replace(tzinfo=None)
            if value is not None:
                sheet.write(row, place, value, formats[kind])


def _kind(field: pa.Field) -> str:
    """Which of the formats a column has; a whole number without a unit is a key, such as a year."""
    of = field.type
    kinds = {
        "date": pa.types.is_date(of),
        "time": pa.types.is_timestamp(of),
        "count": pa.types.is_int64(of) and b"unit" in (field.metadata or {}),
        "percent": field.name in SHARES,
        "digits": field.name == DENSITY,
        "decimal": pa.types.is_floating(of),
        "text": pa.types.is_string(of),
    }
    return next((kind for kind, it_is in kinds.items() if it_is), "small")


def _width(name: str, kind: str, column: pa.ChunkedArray) -> int:
    """Characters that show the header with its filter's arrow, and every value."""
    longest = (pc.max(pc.utf8_length(column)).as_py() or 0) + 3 if kind == "text" else 0
    return max(len(name) + 4, WIDTHS.get(kind, 0), longest)


RENDERER = Renderer(
    name="xlsx",
    file="{product}.xlsx",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    meaning="the same rows as an Excel workbook, with notes and your zones; times in UTC beside the local ones",
    render=xlsx,
    on_request=True,
    holds="tables",
)
