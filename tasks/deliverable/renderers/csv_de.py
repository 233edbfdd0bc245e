"""The delivered rows as German Excel opens them by a double click, a table a file."""

import csv
import io

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.serialisation import as_text

MEASURES = {
    "persons": "Personen",
    "visits": "Besuche",
    "trips": "Wege",
    "minutes": "Minuten",
    "kilometres": "Kilometer",
    "districts": "Bezirke",
    "core_percent": "Kernanteil (%)",
    "people": "Alle Menschen",
    "share": "Anteil",
}
"""German names of what is measured."""
HEADER = {
    "period": "Zeitraum",
    "level": "Ebene",
    "zone_id": "Zonen-ID",
    "zone_name": "Zone",
    "district_id": "Bezirks-ID",
    "district_name": "Bezirk",
    "hour_utc": "Stunde (UTC)",
    "slot_utc": "Zeitfenster (UTC)",
    "local_date": "Datum",
    "local_hour": "Stunde",
    "local_slot": "Zeitfenster ab",
    "utc_offset_minutes": "Abstand zu UTC (min)",
    "age_band": "Altersgruppe",
    "gender": "Geschlecht",
    "origin_zone_id": "Startzonen-ID",
    "origin_zone_name": "Startzone",
    "destination_zone_id": "Zielzonen-ID",
    "destination_zone_name": "Zielzone",
    "origin_district_id": "Startbezirks-ID",
    "origin_district_name": "Startbezirk",
    "destination_district_id": "Zielbezirks-ID",
    "destination_district_name": "Zielbezirk",
    "home_district_id": "Wohnbezirks-ID",
    "home_district_name": "Wohnbezirk",
    "day_part": "Tageszeit",
    "day_type": "Tagesart",
    "dwell_bin": "Aufenthaltsdauer (min)",
    "statistic": "Kennzahl",
    "days": "Besuchstage",
    "role": "Rolle",
    "arrival": "Ankunft",
    "persons_per_km2": "Personen je km²",
    "se": "Standardfehler",
    "reliability": "Verlässlichkeit",
    "status": "Status",
    **MEASURES,
    **{f"{name}_low": f"{german} von" for name, german in MEASURES.items()},
    **{f"{name}_high": f"{german} bis" for name, german in MEASURES.items()},
}
"""German names of columns; a column without one keeps its own."""


def german(content: RenderInput) -> bytes:
    """CSV in UTF-8 with a byte order mark: semicolons, decimal commas, dates as 31.12.2026, ages as 18–24 and ab 65."""
    (rows,) = content.tables.values()
    sink = io.StringIO(newline="")
    lines = csv.writer(sink, delimiter=";")
    lines.writerow([HEADER.get(name, name) for name in ("period", *rows.column_names)])
    columns = [_german(column).to_pylist() for column in as_text(rows).columns]
    lines.writerows(zip([str(content.release.period)] * rows.num_rows, *columns, strict=True))
    return sink.getvalue().encode("utf-8-sig")


def _german(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_date(column.type):
        return pc.strftime(column, "%d.%m.%Y")
    if pa.types.is_floating(column.type):
        return pc.replace_substring(column.cast(pa.string()), ".", ",")
    if pa.types.is_string(column.type):  # a range such as 5-15 would become a date, and 65+ the number 65
        ranges = pc.replace_substring_regex(column, r"^(\d+)-(\d+)$", r"\1–\2")
        return pc.replace_substring_regex(ranges, r"^(\d+)\+$", r"ab \1")
    return column


RENDERER = Renderer(
    name="csv_de",
    file="{table}.de.csv",
    media_type="text/csv; charset=utf-8",
    meaning="the same rows for German Excel: semicolons, decimal commas, German header, ages as 18–24 and ab 65",
    render=german,
    on_request=True,
    holds="table",
)
