"""The plans of a local day, from the landing: zones with the sensitive ones merged away, and cells in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tasks.events.formats import Formats, shipped
from tasks.events.plan_rules import PlanChecks, names
from tasks.mobility.cell_attributes import RADIO
from tasks.mobility.cell_files import read_files
from tasks.mobility.cell_versions import Topology
from tasks.mobility.cells import CellPlan, cell_plan
from tasks.mobility.day import NO_ZONE, Int32
from tasks.mobility.footprints import NO_FOOTPRINTS, Footprints, read_footprints
from tasks.mobility.topology import checked_topology
from tasks.mobility.zone_file import Zone, checked_zones
from tasks.mobility.zones import ZonePlan, merged_plan
from tasks.period import day_hours
from tasks.policy import Calendar

_WANTED = ("azimuth", "power_w", "height_m")
"""Attributes that matter most to the radio model."""


@dataclass(frozen=True)
class Plans:
    """A day's zone plan and cell plan."""

    zones: ZonePlan
    cells: CellPlan
    not_counted: tuple[str, ...]
    """Sensitive zones whose cells count nowhere on this day."""
    footprints: Footprints = NO_FOOTPRINTS

    @property
    def cell_version(self) -> str:
        """Version of the cell plan and its footprints."""
        return self.footprints.version(self.cells.version)

    @property
    def unstated(self) -> tuple[str, ...]:
        """What no cell of the day states of its antenna; nothing is missing where all cells have footprints."""
        if len(np.unique(self.footprints.cell)) == len(self.cells.cell_id):
            return ()
        said = dict(zip(RADIO, self.cells.radio.T, strict=True))
        return tuple(name for name in _WANTED if np.isnan(said[name]).all())

    def notes(self, others: Mapping[date, str]) -> tuple[str, ...]:
        """What the operator should know; `others` are the zone plan versions of the month's days in the lake."""
        notes = []
        if self.not_counted:
            notes.append(
                f"zone_plan: {names(self.not_counted)} count nowhere on this day: the zones that took them have hours "
                "without a cell of their own."
            )
        if differ := [str(day) for day, version in sorted(others.items()) if version != self.zones.version]:
            notes.append(
                f"zone_plan: {len(differ)} other days of the month have another zone plan ({names(differ)}), and no "
                "release spans two: ingest these days again with the new plan, or land the old one again."
            )
        return tuple(notes)


def unstated_sentence(attributes: Sequence[str]) -> str:
    """What attributes that no cell states would bring; `attributes`: at least one."""
    return (
        f"No cell states {', '.join(attributes)}, so Throng assumes usual antennas. With your own values, stays and "
        "estimates of people lie in the right zone more often"
    )


def load_zone_plan(landing: Path, time: Calendar) -> ZonePlan:
    """The zone plan of a landing folder; raises RejectedInput."""
    checks = PlanChecks()
    zones, cells = _read(landing, time, shipped(), checks)
    return _zone_plan(zones, _placed(zones, cells), checks)


def load_plans(
    landing: Path, day: date, time: Calendar, formats: Formats | None = None, checks: PlanChecks | None = None
) -> Plans:
    """Read zones.geojson and the cells as of a local day; `checks` keeps what the rules count. Raises RejectedInput.

    Every cell of the file, valid at any time, decides which neighbour takes a sensitive zone. So the plan is the same
    every day. If the taker has an hour without a cell of its own, its count would be the sensitive zone's. On that day
    the sensitive zone's cells count nowhere.
    """
    checks = checks or PlanChecks()
    zones, cells = _read(landing, time, formats or shipped(), checks)
    placed = _placed(zones, cells)
    today = cell_plan(cells, placed, day, time, checks)
    plan = _zone_plan(zones, placed, checks)
    covered = today.covered_hours(len(zones), len(day_hours(day, time.local)))
    row = {zone.zone_id: n for n, zone in enumerate(zones)}
    exposed = sorted(took for took, into in plan.merged.items() if np.any(covered[row[took]] & ~covered[row[into]]))
    final = np.searchsorted(plan.zone_ids, [plan.merged.get(zone.zone_id, zone.zone_id) for zone in zones])
    final[[row[zone_id] for zone_id in exposed]] = NO_ZONE
    counted = today.in_zones(final.astype(np.int32))
    return Plans(plan, counted, tuple(exposed), read_footprints(landing, plan, counted))


def _read(landing: Path, time: Calendar, formats: Formats, checks: PlanChecks) -> tuple[tuple[Zone, ...], Topology]:
    """Both plans, if no rule refuses one of them."""
    zones = checked_zones(landing / "zones.geojson", checks)
    cells = checked_topology(read_files(landing, formats), time.landing, checks)
    checks.refuse()
    return zones, cells


def _zone_plan(zones: Sequence[Zone], placed: Int32, checks: PlanChecks) -> ZonePlan:
    return merged_plan(zones, np.isin(np.arange(len(zones)), placed), checks)


def _placed(zones: Sequence[Zone], cells: Topology) -> Int32:
    """The landed zone that covers each cell; on a border a sensitive one, else the one with the lowest id."""
    places, of = np.unique(cells.longitude + 1j * cells.latitude, return_inverse=True)
    tree = shapely.STRtree([zone.geometry for zone in zones])
    point, zone = tree.query(shapely.points(places.real, places.imag), predicate="intersects")
    order = np.argsort([not zone.sensitive for zone in zones], kind="stable").astype(np.int32)
    found: Any = np.full(len(places), len(zones), np.int32)
    np.minimum.at(found, point, np.argsort(order).astype(np.int32)[zone])
    zone_of: Int32 = np.append(order, np.int32(NO_ZONE))[found[of]]
    return zone_of
