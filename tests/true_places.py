"""Zones of a simulated landing for the true answers: what each became by merging, and how far districts are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import shapely

EARTH_KM = 6371.0088


class Zones(NamedTuple):
    """Zones: `table` has zone_id, into_id and district_id; `shapes` are theirs."""

    table: pa.Table
    shapes: np.ndarray


def zones(landing: Path, merged: Mapping[str, str]) -> Zones:
    """The zones of a landing's plan."""
    features = json.loads((landing / "zones.geojson").read_text())["features"]
    rows = [
        {
            "zone_id": each["properties"]["zone_id"],
            "into_id": merged.get(each["properties"]["zone_id"], each["properties"]["zone_id"]),
            "district_id": each["properties"]["parent_id"],
        }
        for each in features
    ]
    return Zones(pa.Table.from_pylist(rows), np.array([shapely.geometry.shape(each["geometry"]) for each in features]))


def far(plan: Zones) -> pa.Table:
    """zone_id, home_district_id, and the kilometres between their centres."""
    into, district = (np.array(plan.table[name].to_pylist()) for name in ("into_id", "district_id"))
    zone_ids, district_ids = np.unique(into), np.unique(district)
    starts = [_centre(plan.shapes[into == zone]) for zone in zone_ids]
    ends = [_centre(plan.shapes[district == name]) for name in district_ids]
    rows = [
        {"zone_id": zone, "home_district_id": name, "km": _km(start, end)}
        for zone, start in zip(zone_ids, starts, strict=True)
        for name, end in zip(district_ids, ends, strict=True)
    ]
    return pa.Table.from_pylist(rows)


def _centre(shapes: np.ndarray) -> shapely.Point:
    return shapely.union_all(shapes).centroid


def _km(a: shapely.Point, b: shapely.Point) -> float:
    """On a plane that fits a city."""
    east = np.radians(a.x - b.x) * np.cos(np.radians((a.y + b.y) / 2))
    return float(EARTH_KM * np.hypot(east, np.radians(a.y - b.y)))
