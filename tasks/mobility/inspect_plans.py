"""Inspection of files that no mapping can describe, zones, census and footprints: each is read whole, as by ingest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from tasks.errors import RejectedInput
from tasks.events.column_roles import SampledColumn
from tasks.events.inspection import Inspection, Reading, opened
from tasks.mobility import census_file, footprints
from tasks.mobility.zone_file import read_zones

Found = tuple[int, tuple[str, ...]]
"""How many rows or zones a file has, and what is to know of it."""
NAMES = {"population": census_file.POPULATION, "footprints": footprints.FILE}
"""The one name under which ingest reads a file of the kind."""


def inspect_plan(path: Path, kind: str, zone: ZoneInfo) -> Inspection:
    """What ingest makes of zones, population or footprints, or why it refuses them; raises UnreadableFile."""
    columns = () if kind == "zones" else _columns(path, zone)
    if path.name != NAMES.get(kind, path.name):
        return Inspection(kind, why_not=f"ingest reads it from {NAMES[kind]} alone", columns=columns)
    try:
        rows, notes = _READERS[kind](path)
    except RejectedInput as fault:
        return Inspection(kind, why_not=f"{fault.what} {fault.action}", columns=columns)
    what = "zones" if kind == "zones" else "rows"
    return Inspection(kind, kind, columns=columns, readings=(Reading(what, rows, rows),), notes=notes)


def _columns(path: Path, zone: ZoneInfo) -> tuple[SampledColumn, ...]:
    with opened(path, zone) as file:
        return file.looks


def _zones(path: Path) -> Found:
    zones = read_zones(path)
    districts, sensitive = {zone.parent_id for zone in zones}, sum(zone.sensitive for zone in zones)
    return len(zones), (f"{len(districts)} districts; {sensitive} sensitive zones, which are merged into neighbours.",)


def _population(path: Path) -> Found:
    census = census_file.census_of(path)
    residents = float(np.asarray(census.table["residents"]).sum())
    places = f"{len(census.table['place'].unique().drop_null())} {'zones' if census.by_zone else 'districts'}"
    note = (
        f"{residents:,.0f} residents in the sum of all rows, of {places}. `throng doctor` compares them with the zones."
    )
    return census.table.num_rows, (note,)


def _footprints(path: Path) -> Found:
    rows = footprints.read_rows(path)
    return rows.num_rows, ("`throng doctor` compares them with cells and zones.",)


_READERS: Mapping[str, Callable[[Path], Found]] = {
    "zones": _zones,
    "population": _population,
    "footprints": _footprints,
}
