"""What opens in Excel: numbers are numbers, dates are dates, and names are never formulas."""

import csv
import io
import textwrap
from datetime import date, datetime

import openpyxl  # type: ignore[import-untyped]
import pytest

from tasks.deliverable.files import Rendered
from tasks.deliverable.renderers import csv_de, xlsx
from tests.unit.deliverable.factories import (
    document,
    grant_view,
    product_columns,
    release_view,
    rendered,
    revision,
    stored,
    text,
    zones_view,
)

BOTH = grant_view(formats=("csv_de", "xlsx"))
NAMES = zones_view(("=1+1", "Bahnhof", "Campus", "https://dom.example"))
GOOD = rendered(grant=BOTH, plan=NAMES)


def book() -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(document(GOOD, "footfall.xlsx")))


def test_a_workbook_has_notes_and_a_typed_sheet_a_table() -> None:
    opened = book()
    assert opened.sheetnames == ["notes", "zone_hour", "district_hour_demographic", "zones"]
    for name in GOOD.tables:
        sheet, rows = opened[name], stored(GOOD, name)
        header, *lines = sheet.iter_rows(values_only=True)
        assert list(header) == rows.column_names
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref
        full = next(row for row in sheet.iter_rows(2) if row[-1].value == "estimate")
        forms = {name: cell.number_format for name, cell in zip(header, full, strict=True)}
        assert (forms["local_hour"], forms["persons"], forms["se"]) == ("0", "#,##0", "#,##0.0")
        for line, row in zip(lines, rows.to_pylist(), strict=True):
            seen = dict(zip(header, line, strict=True))
            assert isinstance(seen["hour_utc"], datetime)
            assert (seen["hour_utc"], seen["local_date"].date()) == (
                row["hour_utc"].replace(tzinfo=None),
                row["local_date"],
            )
            assert (seen["persons"], seen["se"], seen["status"]) == (row["persons"], row["se"], row["status"])


def test_each_column_of_each_product_has_a_german_name() -> None:
    assert sorted(product_columns() - set(csv_de.HEADER)) == []


def test_names_are_texts_in_a_workbook_and_never_formulas_or_links() -> None:
    cells = {cell.value: cell for (cell,) in book()["zone_hour"].iter_rows(2, None, 3, 3)}
    assert {cell.data_type for cell in cells.values()} == {"s"}
    assert not any(cell.hyperlink for cell in cells.values())
    assert {"=1+1", "https://dom.example"} <= set(cells)


def test_a_table_beyond_the_limit_of_excel_goes_on_in_a_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_ROWS", 60)
    content = document(rendered(grant=BOTH), "footfall.xlsx")
    opened = openpyxl.load_workbook(io.BytesIO(content))
    assert opened.sheetnames[1:3] == ["zone_hour_1", "zone_hour_2"]
    assert [opened[name].max_row - 1 for name in opened.sheetnames[1:3]] == [60, 36]


def test_a_workbook_prints_as_wide_as_a_page_with_its_header_on_each() -> None:
    for sheet in book():
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
        assert sheet.title == "notes" or sheet.print_title_rows == "$1:$1"


def test_every_value_of_a_workbook_is_as_wide_as_its_column() -> None:
    for sheet in book():
        for column in () if sheet.title == "notes" else sheet.iter_cols():
            shown = [f"{cell.value:%Y-%m-%d %H:%M}" if cell.is_date else str(cell.value or "") for cell in column]
            longest = 10 if column[1].number_format == "yyyy-mm-dd" else max(map(len, shown))
            place = column[0].column
            assert next(d.width for d in sheet.column_dimensions.values() if d.min <= place <= d.max) > longest


def test_a_note_of_several_lines_has_a_row_as_high() -> None:
    sheet = book()["notes"]
    for row, (_, note) in enumerate(sheet.iter_rows(values_only=True), 1):
        lines = len(textwrap.wrap(note, sheet.column_dimensions["B"].width))
        assert (sheet.row_dimensions[row].height or 15) >= 15 * lines


def test_a_workbook_names_the_district_of_each_zone() -> None:
    header, *rows = book()["zones"].iter_rows(values_only=True)
    assert header == ("zone_id", "zone_name", "district_id", "district_name", "area_km2")
    assert [row[:4] for row in rows][:2] == [
        ("Z01", "=1+1", "North", "Nordstadt"),
        ("Z02", "Bahnhof", "North", "Nordstadt"),
    ]


def test_the_notes_name_what_a_revision_replaces_and_a_change_of_clocks() -> None:
    def noted(delivery: Rendered) -> dict[str, str]:
        sheet = openpyxl.load_workbook(io.BytesIO(document(delivery, "footfall.xlsx")))["notes"]
        return dict(sheet.iter_rows(values_only=True))

    again = rendered(grant=BOTH, plan=NAMES, delivery=revision(GOOD))
    assert noted(GOOD)["revision"] == "1"
    assert "clock change" not in noted(GOOD)
    assert "clock change" in noted(rendered(release_view(date(2026, 3, 29)), grant=BOTH, plan=NAMES))
    assert "replaces revision 1" in noted(again)["revision"]
    assert noted(again)["zone_hour"].endswith("may be added over zone_id.")
    assert "clock change" not in noted(again)


def test_equal_inputs_give_equal_workbooks() -> None:
    assert rendered(grant=BOTH, plan=NAMES).files == GOOD.files


def test_german_excel_reads_numbers_dates_and_ranges_as_what_they_are() -> None:
    content = text(GOOD, "district_hour_demographic.de.csv")
    assert content.startswith("\ufeff")
    lines = list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff")), delimiter=";"))
    for line, row in zip(lines, stored(GOOD, "district_hour_demographic").to_pylist(), strict=True):
        assert line["Datum"] == f"{row['local_date']:%d.%m.%Y}"
        assert line["Personen"] == ("" if row["persons"] is None else str(row["persons"]))
        assert line["Standardfehler"] == ("" if row["se"] is None else f"{row['se']:g}".replace(".", ","))
        assert line["Altersgruppe"] == row["age_band"].replace("-", "–").replace("65+", "ab 65")


def test_a_product_without_hours_has_a_workbook_too() -> None:
    day = date(2026, 3, 2)
    level = release_view(day).levels[0]
    monthly = release_view(day, levels=(level.__class__(**{**vars(level), "dimensions": level.dimensions[:1]}),))
    assert openpyxl.load_workbook(io.BytesIO(document(rendered(monthly, grant=BOTH), "footfall.xlsx"))).sheetnames
