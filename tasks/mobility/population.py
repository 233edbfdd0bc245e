"""population.csv: residents by zone, as weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tasks.errors import RejectedInput
from tasks.mobility.zones import ZonePlan

FILE = "population.csv"
COLUMNS = ("zone_id", "residents")
MOST_BYTES = 1 << 26
_CORRECT = "Correct the file and land it again."


def residents(landing: Path, zones: ZonePlan) -> NDArray[np.float64] | None:
    """Residents of each zone, of all ages and genders; None without the file or its zone_id. Raises RejectedInput.

    A merged zone has those of all its parts. Rows of unknown zones are not used.
    """
    path = landing / FILE
    table = _table(path) if path.exists() else None
    if table is None:
        return None
    number = {zone: n for n, zone in enumerate(zones.zone_ids)}
    number |= {took: number[into] for took, into in zones.merged.items()}
    zone = np.array([number.get(zone, -1) for zone in table["zone_id"].to_pylist()], np.intp)
    count = np.asarray(table["residents"].fill_null(np.nan), np.float64)
    if wrong := int(np.count_nonzero(~((count >= 0) & np.isfinite(count)))):
        what = f"{FILE}: {wrong:,} of {len(count):,} rows have no number of residents."
        raise RejectedInput(what, _CORRECT, "population.invalid_residents")
    found = np.bincount(zone[zone >= 0], count[zone >= 0], len(zones.zone_ids)).astype(np.float64)
    return found if found.sum() else None


def _table(path: Path) -> pa.Table | None:
    """Both columns; None where the file is by district."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise RejectedInput(f"{FILE} is no file of at most 64 MiB.", _CORRECT, "population.too_large")
        types = {"zone_id": pa.string(), "residents": pa.float64()}
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=types))
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise RejectedInput(f"{FILE} cannot be read.", _CORRECT, "population.unreadable") from None
    return table.select(list(COLUMNS)) if _has(table.column_names) else None


def _has(names: Sequence[str]) -> bool:
    return all(names.count(name) == 1 for name in COLUMNS)
