"""The delivered rows as one Excel workbook: a sheet a table, and notes."""

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import xlsxwriter  # type: ignore[import-untyped]

from tasks.deliverable.columns import columns, status_meanings
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.statements import COMPOSITION, PERMITTED_USE

MAX_ROWS = 1_048_575
"""Rows of a sheet below its header: Excel's limit."""
NAME_LENGTH = 31
"""Characters of a sheet's name: Excel's limit."""


def xlsx(content: RenderInput) -> bytes:
    """A workbook with typed columns, frozen headers and filters; a long table goes on in a next sheet."""
    sink = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(sink, options) as book:
        book.set_properties({"title": content.release.id, "created": content.release.created_at.replace(tzinfo=None)})
        _notes(book, content)
        for table in content.release.tables:
            _sheets(book, table.name, content.tables[table.name])
    return sink.getvalue()


def _notes(book: Any, content: RenderInput) -> None:
    release = content.release
    sheet, bold, wrapped = (
        book.add_worksheet("notes"),
        book.add_format({"bold": True}),
        book.add_format({"text_wrap": True}),
    )
    sheet.set_column(0, 0, 30, bold)
    sheet.set_column(1, 1, 100, wrapped)
    levels = [(level.name, level.meaning) for level in release.levels]
    named = {column.name: column.meaning for table in release.tables for column in columns(release, table)}
    lines = [
        ("release", release.id),
        ("period", str(release.period)),
        ("who is counted", release.basis),
        ("who is not counted", " ".join(each.meaning for each in release.left_out)),
        ("how to read", "Numbers carry noise; the interval says how much. An empty number is not a zero: see status."),
        ("months add up", COMPOSITION),
        ("permitted use", f"{PERMITTED_USE} More is in TERMS.md."),
        *levels,
        *((status.value, meaning) for status, meaning in status_meanings(release.instant).items()),
        *named.items(),
    ]
    for row, (name, text) in enumerate(lines):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, text)


def _sheets(book: Any, name: str, rows: pa.Table) -> None:
    for number, start in enumerate(range(0, max(rows.num_rows, 1), MAX_ROWS)):
        title = f"{name[: NAME_LENGTH - 3]}_{number + 1}" if rows.num_rows > MAX_ROWS else name[:NAME_LENGTH]
        _sheet(book, title, rows.slice(start, MAX_ROWS))


def _sheet(book: Any, title: str, rows: pa.Table) -> None:
    sheet = book.add_worksheet(title)
    header = book.add_format({"bold": True, "bottom": 1})
    formats = {
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    }
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, rows.num_rows, rows.num_columns - 1)
    for place, field in enumerate(rows.schema):
        sheet.set_column(place, place, max(12, len(field.name) + 4))
        sheet.write_string(0, place, field.name, header)
        kind = "date" if pa.types.is_date(field.type) else "time" if pa.types.is_timestamp(field.type) else None
        for row, value in enumerate(rows[field.name].to_pylist(), 1):
            if isinstance(value, datetime):
                value = value.replace(tzinfo=None)
            if value is not None:
                sheet.write(row, place, value, *([formats[kind]] if kind else []))


RENDERER = Renderer(
    name="xlsx",
    file="{product}.xlsx",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    meaning="the same rows as an Excel workbook, a sheet a table, with notes; times in UTC beside the local ones",
    render=xlsx,
    on_request=True,
    holds="tables",
)
