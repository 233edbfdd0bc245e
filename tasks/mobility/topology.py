"""The network's cells as landed: cells.parquet or cells.csv, in native or eurostat columns, over all time."""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tasks.errors import RejectedInput
from tasks.mobility.cell_versions import Topology, in_order
from tasks.mobility.columns import degrees, epochs, text

VALIDITY = {"native": ("valid_from", "valid_to"), "eurostat": ("valid_date_start", "valid_date_end")}
"""How the two formats name the half-open interval in which a cell stands; empty = open."""
_PLACE = ("cell_id", "latitude", "longitude")
_MEND = "Mend the cell plan and land it again."


def read_topology(landing: Path, zone: ZoneInfo) -> Topology:
    """Read the cells of a landing folder; times without an offset are in `zone`. Raises RejectedInput."""
    path, table = _read(landing)
    names = _validity(table.column_names, path.name)
    if not len(table):
        raise RejectedInput(f"{path.name} has no cells.", _MEND)
    cells = Topology(
        path.name,
        text(table, "cell_id", path.name),
        degrees(table, "latitude", 90, path.name),
        degrees(table, "longitude", 180, path.name),
        epochs(table, names[0], zone, -np.inf, path.name),
        epochs(table, names[1], zone, np.inf, path.name),
    )
    return in_order(cells)


def _validity(there: Sequence[str], source: str) -> tuple[str, str]:
    """How the file names the validity; columns it lacks are named, never those it has: they may be a row's values."""
    lacking = {pair: [name for name in (*_PLACE, *pair) if name not in there] for pair in VALIDITY.values()}
    names = min(lacking, key=lambda pair: len(lacking[pair]))
    if lacking[names]:
        raise RejectedInput(
            f"{source} lacks the columns {', '.join(lacking[names])}.",
            f"Needed: {', '.join(_PLACE)} and one of {' or '.join(', '.join(pair) for pair in VALIDITY.values())}.",
        )
    doubled = [name for name in (*_PLACE, *names) if there.count(name) > 1]
    if doubled:
        raise RejectedInput(f"{source} has the columns {', '.join(doubled)} more than once.", _MEND)
    return names


def _read(landing: Path) -> tuple[Path, pa.Table]:
    found = [path for path in (landing / "cells.parquet", landing / "cells.csv") if path.exists()]
    if len(found) != 1:
        there = "both cells.parquet and cells.csv" if found else "neither cells.parquet nor cells.csv"
        raise RejectedInput(f"The landing folder holds {there}.", "Land exactly one of them.")
    try:
        return found[0], _parquet(found[0]) if found[0].suffix == ".parquet" else _csv(found[0])
    except (OSError, pa.ArrowException, UnicodeDecodeError):
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
