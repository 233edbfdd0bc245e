"""The network's cells as landed: cells.parquet or cells.csv, in native or eurostat columns, over all time."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from tasks.errors import RejectedInput

VALIDITY = {"native": ("valid_from", "valid_to"), "eurostat": ("valid_date_start", "valid_date_end")}
"""How the two formats name the half-open interval in which a cell stands; empty = open."""
_PLACE = ("cell_id", "latitude", "longitude")
_MEND = "Mend the cell plan and land it again."


@dataclass(frozen=True)
class Topology:
    """Every version of every cell, sorted by (cell_id, valid_from); epochs in seconds, open ends infinite.

    A version ends at the latest where the next one of the same id begins.
    """

    source: str
    cell_id: NDArray[np.object_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    valid_from: NDArray[np.float64]
    valid_to: NDArray[np.float64]


def read_topology(landing: Path, zone: ZoneInfo) -> Topology:
    """Read the cells of a landing folder; times without an offset are in `zone`. Raises RejectedInput."""
    path, table = _read(landing)
    names = _validity(set(table.column_names), path.name)
    if not len(table):
        raise RejectedInput(f"{path.name} has no cells.", _MEND)
    cell_id = _text(table["cell_id"], path.name)
    latitude, longitude = (_degrees(table[n], n, most, path.name) for n, most in (("latitude", 90), ("longitude", 180)))
    start = _epochs(table[names[0]], zone, -np.inf, f"{path.name}: {names[0]}")
    end = _epochs(table[names[1]], zone, np.inf, f"{path.name}: {names[1]}")
    order = np.lexsort((start, cell_id))
    return _in_turn(Topology(path.name, cell_id[order], latitude[order], longitude[order], start[order], end[order]))


def _validity(there: set[str], source: str) -> tuple[str, str]:
    """How the file names the validity; columns it lacks are named, never those it has: they may be a row's values."""
    lacking = {pair: [name for name in (*_PLACE, *pair) if name not in there] for pair in VALIDITY.values()}
    names = min(lacking, key=lambda pair: len(lacking[pair]))
    if lacking[names]:
        raise RejectedInput(
            f"{source} lacks the columns {', '.join(lacking[names])}.",
            f"Needed: {', '.join(_PLACE)} and one of {' or '.join(', '.join(pair) for pair in VALIDITY.values())}.",
        )
    return names


def _in_turn(cells: Topology) -> Topology:
    same = cells.cell_id[1:] == cells.cell_id[:-1]
    doubled = int(np.sum(same & (cells.valid_from[1:] == cells.valid_from[:-1])))
    if doubled:
        raise RejectedInput(f"{cells.source}: {doubled} rows repeat a cell_id and the start of its validity.", _MEND)
    cells.valid_to[:-1][same] = np.minimum(cells.valid_to[:-1], cells.valid_from[1:])[same]
    return cells


def _read(landing: Path) -> tuple[Path, pa.Table]:
    found = [path for path in (landing / "cells.parquet", landing / "cells.csv") if path.exists()]
    if len(found) != 1:
        there = "both cells.parquet and cells.csv" if found else "neither cells.parquet nor cells.csv"
        raise RejectedInput(f"The landing folder holds {there}.", "Land exactly one of them.")
    try:
        return found[0], _parquet(found[0]) if found[0].suffix == ".parquet" else _csv(found[0])
    except (OSError, pa.ArrowInvalid):
        raise RejectedInput(
            f"{found[0].name} cannot be read.", "Write it again as Parquet, or as comma-separated UTF-8."
        ) from None


def _parquet(path: Path) -> pa.Table:
    return pyarrow.parquet.ParquetFile(path).read()  # read_table would import pandas: a second of start-up


def _csv(path: Path) -> pa.Table:
    """All columns as text, so that ids keep their leading zeros; a byte-order mark is skipped by Arrow."""
    with pyarrow.csv.open_csv(path) as head:
        names = head.schema.names
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, convert_options=options)


def _text(column: pa.ChunkedArray, source: str) -> NDArray[np.object_]:
    missing = column.null_count
    if missing:
        raise RejectedInput(f"{source}: {missing} rows have no cell_id.", _MEND)
    return np.asarray(column.cast(pa.string()).to_numpy(), object)


def _degrees(column: pa.ChunkedArray, name: str, most: int, source: str) -> NDArray[np.float64]:
    try:
        degrees = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        raise RejectedInput(f"{source}: {name} is not a number in every row.", _MEND) from None
    bad = int(np.sum(~(np.abs(degrees) <= most)))
    if bad:
        raise RejectedInput(f"{source}: {name} is missing or beyond {most} degrees in {bad} rows.", _MEND)
    return np.asarray(degrees, np.float64)


def _epochs(column: pa.ChunkedArray, zone: ZoneInfo, empty: float, source: str) -> NDArray[np.float64]:
    """Epoch seconds of dates, timestamps or ISO 8601 text; few values differ, so each is read once."""
    coded = pa.concat_arrays(_microseconds(column).chunks).dictionary_encode(null_encoding="encode")
    try:
        values = np.array([_epoch(value, zone, empty) for value in coded.dictionary.to_pylist()])
    except ValueError:
        raise RejectedInput(f"{source} is not an ISO 8601 time in every row.", _MEND) from None
    epochs: NDArray[np.float64] = values[np.asarray(coded.indices)]
    return epochs


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(pa.timestamp("us", kind.tz)) if pa.types.is_timestamp(kind) else column


def _epoch(value: Any, zone: ZoneInfo, empty: float) -> float:
    if value is None or (isinstance(value, str) and not value.strip()):
        return empty
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if type(value) is date:
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise ValueError
    return float((value if value.tzinfo else value.replace(tzinfo=zone)).timestamp())
