"""The cell plan of a local day: position, validity and zone of each cell version."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.events.packed_key import CELLS
from tasks.events.plan_rules import NONE_VALID, OUTSIDE_ZONES, TOO_MANY_CELLS, PlanChecks
from tasks.mobility.cell_versions import Topology
from tasks.mobility.day import EARTH_RADIUS_M, HOUR, NO_ZONE, CellArrays, Evidence, Int32
from tasks.mobility.neighbours import neighbour_reach
from tasks.period import day_hours
from tasks.policy import Calendar

NOT_TODAY = -1
"""The version of a cell id that exists in the file but at no time of this day."""


@dataclass(frozen=True)
class CellPlan:
    """Cell versions valid on the day, sorted by (cell_id, valid_from): a version's rank is its number in the keys."""

    cell_id: NDArray[np.object_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    from_second: Int32
    to_second: Int32
    zone: Int32
    """Index of the zone, -1 outside every zone."""
    radio: NDArray[np.float64]
    """[version, attribute] in the order of `cell_attributes.RADIO`; NaN where the plan says nothing."""
    not_today: NDArray[np.object_]
    """Ids in the file that are not valid at any time of the day."""

    def table(self) -> pa.Table:
        """cell_id, version (rank, or -1 of ids not valid today), place, and validity in elapsed seconds of the day."""
        today, rest = len(self.cell_id), np.zeros(len(self.not_today), np.int32)
        version = np.concatenate([np.arange(today, dtype=np.int32), rest + np.int32(NOT_TODAY)])
        return pa.table(
            {
                "cell_id": pa.array([*self.cell_id, *self.not_today], pa.string()),
                "version": version,
                "latitude": np.concatenate([self.latitude, np.full(len(rest), np.nan)]),
                "longitude": np.concatenate([self.longitude, np.full(len(rest), np.nan)]),
                "from_second": np.concatenate([self.from_second, rest]),
                "to_second": np.concatenate([self.to_second, rest]),
            }
        )

    @cached_property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 of everything in the plan that can change a result."""
        digest = hashlib.sha256("\n".join([*self.cell_id, "", *self.not_today]).encode())
        for column in (self.latitude, self.longitude, self.from_second, self.to_second, self.zone, self.radio):
            digest.update(column.tobytes())
        return digest.hexdigest()[:12]

    def arrays(self, evidence: Evidence) -> CellArrays:
        """What the kernels need to know of each version."""
        latitude, longitude = np.radians(self.latitude), np.radians(self.longitude)
        # Scaled by the widest parallel between the cells, the plane overstates every great-circle distance.
        south, north = latitude.min(), latitude.max()
        widest = 1.0 if south <= 0 <= north else max(np.cos(south), np.cos(north))
        x, y = EARTH_RADIUS_M * widest * longitude, EARTH_RADIUS_M * latitude
        return CellArrays(self.zone, latitude, longitude, x, y, evidence, neighbour_reach(latitude, longitude))

    def in_zones(self, zones: Int32) -> "CellPlan":
        """The same cells in other zones: `zones` says which one each zone of this plan is, or -1."""
        return replace(self, zone=np.append(zones, np.int32(NO_ZONE))[self.zone])

    def covered_hours(self, zones: int, hours: int) -> NDArray[np.bool_]:
        """[zone, hour]: whether a cell of the zone is valid at some time of the hour."""
        covered = np.zeros((zones, hours), bool)
        for hour in range(hours):
            valid = (self.from_second < (hour + 1) * HOUR) & (self.to_second > hour * HOUR) & (self.zone != NO_ZONE)
            covered[self.zone[valid], hour] = True
        return covered


def cell_plan(cells: Topology, zone: Int32, day: date, time: Calendar, checks: PlanChecks) -> CellPlan:
    """The cells as of a local day; `zone` is that of each version. Raises RejectedInput."""
    start = day_hours(day, time.local)[0]
    seconds = HOUR * len(day_hours(day, time.local))
    from_second, to_second = (_elapsed(epochs, start, seconds) for epochs in (cells.valid_from, cells.valid_to))
    today = np.flatnonzero(from_second < to_second)
    source = f"{cells.source} on {day}"
    checks.count(NONE_VALID, source, np.flatnonzero(from_second >= to_second), len(cells.cell_id), None)
    checks.count(TOO_MANY_CELLS, source, today[CELLS:], len(today), None)
    checks.count(OUTSIDE_ZONES, source, today[zone[today] == NO_ZONE], len(today), None)
    checks.refuse()
    ids = cells.cell_id[today]
    return CellPlan(
        cell_id=ids,
        latitude=cells.latitude[today],
        longitude=cells.longitude[today],
        from_second=from_second[today],
        to_second=to_second[today],
        zone=zone[today],
        radio=cells.radio[today],
        not_today=np.array(sorted({*cells.cell_id} - {*ids}), object),  # setdiff1d compares objects pair by pair
    )


def _elapsed(epochs: NDArray[np.float64], start: datetime, seconds: int) -> Int32:
    """Whole seconds since the day's start, clipped to the day."""
    return np.ceil(np.clip(epochs - start.timestamp(), 0, seconds)).astype(np.int32)
