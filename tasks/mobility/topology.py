"""The network's cells as landed, over all time, in the columns that a mapping names."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import RejectedInput, shown
from tasks.events import plan_rules
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import BLANKS
from tasks.mobility.cell_attributes import odd_values, radio_attributes
from tasks.mobility.cell_files import CORRECT, CellFile, read_files
from tasks.mobility.cell_times import inclusive, read_as
from tasks.mobility.cell_versions import Topology, in_order
from tasks.mobility.columns import degrees, epochs, text


def read_topology(landing: Path, zone: ZoneInfo, formats: Formats | None = None) -> Topology:
    """Read the cells of a landing folder; times without an offset are in `zone`. Raises RejectedInput."""
    checks = plan_rules.PlanChecks()
    cells = checked_topology(read_files(landing, formats or shipped()), zone, checks)
    checks.refuse()
    return cells


def checked_topology(files: Sequence[CellFile], zone: ZoneInfo, checks: plan_rules.PlanChecks) -> Topology:
    """The cells of files, not to be used before `checks` has refused them. Raises RejectedInput for unreadable ones."""
    found = [_topology(file, zone) for file in files]
    columns = [np.concatenate([getattr(each, column.name) for each in found]) for column in fields(Topology)[1:]]
    landed = Topology(files[0].path.name if len(files) == 1 else "cells", *columns)
    if not len(landed.cell_id):
        raise RejectedInput(f"{landed.source} has no cells.", CORRECT, "cells.empty")
    source, row = landed.source, partial(_row, files)
    broken = [
        checks.count(rule, source, np.flatnonzero(rows), len(rows), row)
        for rule, rows in _broken(landed, files).items()
    ]
    return landed if any(broken) else in_order(landed, checks)


def _broken(landed: Topology, files: Sequence[CellFile]) -> dict[plan_rules.PlanRule, NDArray[np.bool_]]:
    """Rows whose own values break a rule."""
    return {
        plan_rules.MISSING_ID: landed.cell_id == "",
        plan_rules.INVALID_DEGREES: ~((np.abs(landed.latitude) <= 90) & (np.abs(landed.longitude) <= 180)),
        plan_rules.INVALID_TIME: np.isnan(landed.valid_from) | np.isnan(landed.valid_to),
        **dict(_odd(files)),
    }


def _row(files: Sequence[CellFile], n: int) -> str:
    """The number of a row in its file; with its name if there are several."""
    part = 0
    while n >= len(files[part].table):
        n, part = n - len(files[part].table), part + 1
    return f"row {n + 1}" + (f" of {shown(files[part].path.name)}" if len(files) > 1 else "")


def _odd(files: Sequence[CellFile]) -> Iterator[tuple[plan_rules.PlanRule, NDArray[np.bool_]]]:
    """Rows with a value of an optional column that does not fit, by rule."""
    for name, (rule, _) in plan_rules.ATTRIBUTES.items():
        yield rule, np.concatenate([odd_values(file, name) for file in files])


def _topology(file: CellFile, zone: ZoneInfo) -> Topology:
    format_, name = file.format, file.path.name
    return Topology(
        name,
        _ids(file),
        degrees(file.table, file.names[format_.latitude], name, format_.decimal),
        degrees(file.table, file.names[format_.longitude], name, format_.decimal),
        _limits(file, format_.valid_from, zone, -np.inf),
        _limits(file, format_.valid_to, zone, np.inf),
        radio_attributes(file),
    )


def _ids(file: CellFile) -> NDArray[np.object_]:
    """Ids without blanks around them, as the events' are; of several columns, joined. Empty if a part is missing."""
    parts = [text(file.table, file.names[column], file.path.name) for column in file.format.id.column]
    trimmed = [[each.strip(BLANKS) for each in part] for part in parts]
    joined = [file.format.id.separator.join(each) if all(each) else "" for each in zip(*trimmed, strict=True)]
    return np.array(joined, object)


def _limits(file: CellFile, column: str | None, zone: ZoneInfo, empty: float) -> NDArray[np.float64]:
    """Starts (`empty` is negative) or ends of validity; without a column they are open."""
    if column is None:
        return np.full(len(file.table), empty)
    own, form = file.names[column], file.format.time
    read = file.table[own]
    if pa.types.is_dictionary(read.type):
        read = read.cast(read.type.value_type)
    read = read_as(read, form, int96=own in file.old)
    if empty > 0 and file.format.end == "inclusive":
        read = inclusive(read)
    return epochs(pa.table({own: read}), own, zone, empty, file.path.name)
