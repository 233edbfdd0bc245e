"""The network's cells as landed, over all time, in the columns that a mapping names."""

from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.errors import RejectedInput
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import BLANKS
from tasks.mobility.cell_files import CORRECT, CellFile, read_files
from tasks.mobility.cell_times import inclusive, read_as
from tasks.mobility.cell_versions import Topology, in_order
from tasks.mobility.columns import degrees, epochs, text


def read_topology(landing: Path, zone: ZoneInfo, formats: Formats | None = None) -> Topology:
    """Read the cells of a landing folder; times without an offset are in `zone`. Raises RejectedInput."""
    files = read_files(landing, formats or shipped())
    found = [_topology(file, zone) for file in files]
    columns = [np.concatenate([getattr(each, column.name) for each in found]) for column in fields(Topology)[1:]]
    source = files[0].path.name if len(files) == 1 else "cells"
    if not len(columns[0]):
        raise RejectedInput(f"{source} has no cells.", CORRECT, "cells.empty")
    return in_order(Topology(source, *columns))


def _topology(file: CellFile, zone: ZoneInfo) -> Topology:
    format_, name = file.format, file.path.name
    return Topology(
        name,
        _ids(file),
        degrees(file.table, file.names[format_.latitude], 90, name, format_.decimal),
        degrees(file.table, file.names[format_.longitude], 180, name, format_.decimal),
        _limits(file, format_.valid_from, zone, -np.inf),
        _limits(file, format_.valid_to, zone, np.inf),
    )


def _ids(file: CellFile) -> NDArray[np.object_]:
    """Ids without blanks around them, as the events' are; of several columns, joined."""
    parts = [text(file.table, file.names[column], file.path.name) for column in file.format.id.column]
    trimmed = [[each.strip(BLANKS) for each in part] for part in parts]
    return np.array([file.format.id.separator.join(each) for each in zip(*trimmed, strict=True)], object)


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
