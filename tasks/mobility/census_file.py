"""population.csv as it was landed: bounded and strict, not yet compared with a zone plan."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tasks.errors import RejectedInput

POPULATION = "population.csv"
PLACES = ("zone_id", "district_id", "district")
"""The column of places is one of these; `district` is short for `district_id`."""
KEYS = ("place", "age_band", "gender")
COLUMNS = (*PLACES, *KEYS[1:], "residents", "source", "as_of")
MOST_BYTES = 1 << 26
MOST_RESIDENTS = 10_000_000_000
LONGEST_SOURCE = 200
"""Signs of the source's name."""
CORRECT_CENSUS = "Correct the file and land it again."


@dataclass(frozen=True)
class CensusFile:
    """Rows of the file: place, age_band, gender (null: all of them) and residents; no key twice."""

    table: pa.Table
    by_zone: bool
    source: str
    as_of: str


def read_census(landing: Path) -> CensusFile | None:
    """The census of a landing; None without the file, or without a row in it. Raises RejectedInput."""
    path = landing / POPULATION
    census = census_of(path) if path.exists() else None
    return census if census and census.table.num_rows else None


def census_of(path: Path) -> CensusFile:
    """The census of a file, as it is. Raises RejectedInput."""
    raw = _read(path)
    place = _checked_columns(raw.column_names)
    nothing = pa.nulls(raw.num_rows, pa.string())
    given = [raw[name] if name in raw.column_names else nothing for name in (place, *KEYS[1:])]
    table = pa.table(given, names=KEYS).append_column("residents", _numbers(raw["residents"]))
    _check_keys(table)
    source, as_of = (_constant(raw, name) for name in ("source", "as_of"))
    _check_source(source)
    return CensusFile(table, place == "zone_id", source, _date(as_of))


def _read(path: Path) -> pa.Table:
    """The columns that may be used, as text without blanks around it; null where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise RejectedInput(f"{POPULATION} is no file of at most 64 MiB.", CORRECT_CENSUS, "population.too_large")
        types = dict.fromkeys(COLUMNS, pa.string())
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=types))
        used = [n for n, name in enumerate(table.column_names) if name in COLUMNS]
        return pa.table([_text(table.column(n)) for n in used], names=[table.column_names[n] for n in used])
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise RejectedInput(f"{POPULATION} cannot be read.", CORRECT_CENSUS, "population.unreadable") from None


def _text(column: pa.ChunkedArray) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def _checked_columns(names: list[str]) -> str:
    """The column of places; the first name of them where there is none."""
    places = [name for name in PLACES if name in names]
    if len(places) > 1:
        both = f"{POPULATION} has {' and '.join(places)}: it must be by zone or by district."
        raise RejectedInput(both, CORRECT_CENSUS, "population.both_places")
    if len({*names}) < len(names) or "residents" not in names or not {*PLACES, *KEYS[1:]} & {*names}:
        lacks = f"{POPULATION} needs residents and one of zone_id, district_id, age_band, gender, each once."
        raise RejectedInput(lacks, CORRECT_CENSUS, "population.missing_column")
    return places[0] if places else "district_id"


def _check_keys(table: pa.Table) -> None:
    rows = np.asarray(table.group_by(list(KEYS), use_threads=False).aggregate([([], "count_all")])["count_all"])
    if twice := int(np.count_nonzero(rows > 1)):
        what = f"{POPULATION}: {twice:,} keys of place, age_band and gender have several rows."
        raise RejectedInput(what, CORRECT_CENSUS, "population.duplicate_key")


def _numbers(column: pa.ChunkedArray) -> pa.Array:
    """Residents; raises RejectedInput where a row has none."""
    try:
        count = np.asarray(column.cast(pa.float64()).fill_null(np.nan), np.float64)
    except pa.ArrowInvalid:
        count = np.array([np.nan])
    if wrong := int(np.count_nonzero(~((count >= 0) & (count <= MOST_RESIDENTS)))):
        what = f"{POPULATION}: {wrong:,} rows have no number of residents from 0 to {MOST_RESIDENTS:,}."
        raise RejectedInput(what, CORRECT_CENSUS, "population.invalid_residents")
    return pa.array(count)


def _constant(raw: pa.Table, name: str) -> str:
    """What all rows say; empty if none says it."""
    said = raw[name].unique().drop_null().to_pylist() if name in raw.column_names else []
    if len(said) > 1:
        raise RejectedInput(f"{POPULATION} has more than one {name}.", CORRECT_CENSUS, "population.several_sources")
    return str(said[0]) if said else ""


def _check_source(source: str) -> None:
    if len(source) > LONGEST_SOURCE or not source.isprintable():
        what = f"{POPULATION}: source is not one line of at most {LONGEST_SOURCE} signs."
        raise RejectedInput(what, CORRECT_CENSUS, "population.invalid_source")


def _date(as_of: str) -> str:
    try:
        return str(date.fromisoformat(as_of)) if as_of else ""
    except ValueError:
        what = f"{POPULATION}: as_of is no date such as 2025-12-31."
        raise RejectedInput(what, CORRECT_CENSUS, "population.invalid_as_of") from None
