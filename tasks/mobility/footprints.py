"""footprints.parquet: where the operator says by which cells a zone is served, in place of the radio model."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from tasks.errors import RejectedInput
from tasks.mobility.cells import CellPlan
from tasks.mobility.zones import ZonePlan

FILE = "footprints.parquet"
TYPES = {
    "cell_id": pa.string(),
    "weight": pa.float64(),
    "zone_id": pa.string(),
    "longitude": pa.float64(),
    "latitude": pa.float64(),
}
BY_ZONE, BY_POINT = ("cell_id", "zone_id", "weight"), ("cell_id", "longitude", "latitude", "weight")
"""The columns of a file; one that has a zone_id is read by zone."""
MOST_ROWS = 5_000_000
MOST_BYTES = 1 << 28
_CORRECT = "Correct the file and land it again."


@dataclass(frozen=True)
class Footprints:
    """p(cell | zone) of cell versions that have a footprint, sorted by zone; sums of a zone are at most 1."""

    zone: NDArray[np.intp]
    cell: NDArray[np.intp]
    weight: NDArray[np.float64]

    def of_zone(self, zone: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Cells and weights of a zone."""
        first, last = np.searchsorted(self.zone, [zone, zone + 1])
        return self.cell[first:last], self.weight[first:last]

    def version(self, cell_plan: str) -> str:
        """The version of a cell plan with these footprints: 12 hex digits; its own without any."""
        if not len(self.cell):
            return cell_plan
        digest = hashlib.sha256(cell_plan.encode())
        for column in (self.zone, self.cell, self.weight):
            digest.update(column.tobytes())
        return digest.hexdigest()[:12]


NO_FOOTPRINTS = Footprints(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))


def read_footprints(landing: Path, zones: ZonePlan, cells: CellPlan) -> Footprints:
    """The footprints of a landing for the cells of a day; none without the file. Raises RejectedInput."""
    path = landing / FILE
    if not path.exists():
        return NO_FOOTPRINTS
    table = read_rows(path)
    weight = _reals(table, "weight")
    zone, part = _by_zone(table, zones) if "zone_id" in table.column_names else _by_point(table, zones)
    inside = zone >= 0
    cell_id = table["cell_id"].filter(pa.array(inside))
    return _of_versions(zone[inside], cell_id, (weight * part)[inside], cells, len(zones.zone_ids))


def read_rows(path: Path) -> pa.Table:
    """The rows of a file, each with a cell and a weight; places are not yet compared. Raises RejectedInput."""
    table = _table(path)
    weight = _reals(table, "weight")
    _refuse(~((weight >= 0) & (weight <= 1)), "have no weight from 0 to 1", "footprints.invalid_weight")
    _refuse(
        np.asarray(pc.fill_null(pc.equal(table["cell_id"], ""), True)), "have no cell_id", "footprints.missing_cell"
    )
    return table


def _by_zone(table: pa.Table, zones: ZonePlan) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The zone of each row, and the part of the zone that the row is about: all."""
    number = {zone: n for n, zone in enumerate(zones.zone_ids)}
    number |= {took: number[into] for took, into in zones.merged.items()}
    zone = _numbers(table["zone_id"], number)
    _refuse(zone < 0, "have no zone_id of the zone plan", "footprints.unknown_zone")
    return zone, np.ones(len(zone))


def _by_point(table: pa.Table, zones: ZonePlan) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The zone around the point of each row, -1 outside, and the part that it has in the zone: all points are equal."""
    longitude, latitude = _reals(table, "longitude"), _reals(table, "latitude")
    wrong = ~((np.abs(latitude) <= 90) & (np.abs(longitude) <= 180))
    _refuse(wrong, "have no longitude and latitude in degrees", "footprints.invalid_place")
    places, of = np.unique(longitude + 1j * latitude, return_inverse=True)
    point, around = shapely.STRtree(zones.geometries).query(shapely.points(places.real, places.imag), "intersects")
    zone = np.full(len(places), -1, np.intp)
    zone[point[::-1]] = around[::-1]
    points = np.bincount(zone + 1, minlength=len(zones.zone_ids) + 1)
    return zone[of], 1 / points[zone[of] + 1]


def _reals(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].fill_null(np.nan), np.float64)


def _table(path: Path) -> pa.Table:
    """The columns in their types, no more rows than are possible."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise RejectedInput(f"{FILE} is no file of at most 256 MiB.", _CORRECT, "footprints.too_large")
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > MOST_ROWS:
            raise RejectedInput(f"{FILE} has more than {MOST_ROWS:,} rows.", _CORRECT, "footprints.too_large")
        names = list(file.schema_arrow.names)
        wanted = BY_ZONE if "zone_id" in names or "longitude" not in names else BY_POINT
        if lacking := [name for name in wanted if names.count(name) != 1]:
            what = f"{FILE} needs these columns, once each: {', '.join(lacking)}."
            raise RejectedInput(what, _CORRECT, "footprints.missing_column")
        types = pa.schema([(name, TYPES[name]) for name in wanted])
        return file.read(list(wanted)).select(list(wanted)).cast(types)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise RejectedInput(f"{FILE} cannot be read.", _CORRECT, "footprints.unreadable") from None


def _refuse(wrong: NDArray[np.bool_], why: str, code: str) -> None:
    if count := int(np.count_nonzero(wrong)):
        raise RejectedInput(f"{FILE}: {count:,} of {len(wrong):,} rows {why}.", _CORRECT, code)


def _numbers(column: pa.ChunkedArray, number: dict[str, int]) -> NDArray[np.intp]:
    coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    values = np.array([number.get(value, -1) for value in coded.dictionary.to_pylist()], np.intp)
    found: NDArray[np.intp] = values[np.asarray(coded.indices, np.intp)]
    return found


def _of_versions(
    zone: NDArray[np.intp], cell_id: pa.ChunkedArray, weight: NDArray[np.float64], cells: CellPlan, zones: int
) -> Footprints:
    """Rows for each version of the day by its part of the day; sums over 1 are scaled to 1. Other cells are ignored."""
    first = dict[str, list[int]]()
    for n, known in enumerate(cells.cell_id):
        first.setdefault(known, []).append(n)
    ids = cell_id.to_pylist()
    rows = np.array([(row, n) for row, known in enumerate(ids) for n in first.get(known, ())], np.intp).reshape(-1, 2)
    on_air = (cells.to_second - cells.from_second) / max(int(cells.to_second.max()), 1)
    key, at = np.unique(zone[rows[:, 0]] * len(cells.cell_id) + rows[:, 1], return_inverse=True)
    sums = np.bincount(at, weight[rows[:, 0]] * on_air[rows[:, 1]], len(key))
    of_zone, of_cell = np.divmod(key, len(cells.cell_id))
    total = np.maximum(np.bincount(of_zone, sums, zones), 1.0)
    return Footprints(of_zone, of_cell, sums / total[of_zone])
