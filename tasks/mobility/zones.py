"""The zone plan: the polygons that products count in, with sensitive zones merged away before anything is counted."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tasks.errors import RejectedInput
from tasks.mobility.borders import merge_sensitive, overlapping

ZONES = 1 << 20
"""More zones in a plan are refused by name."""
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MEND = "Mend the zone plan and land it again."


@dataclass(frozen=True)
class ZonePlan:
    """Zones sorted by id, after merging. `district` is an index into `districts`, the sorted parent ids."""

    zone_ids: tuple[str, ...]
    names: tuple[str, ...]
    district: NDArray[np.int32]
    districts: tuple[str, ...]
    geometries: tuple[BaseGeometry, ...]
    area_types: tuple[str | None, ...]
    merged: dict[str, str]
    """Sensitive zone -> the zone that took it."""

    @cached_property
    def version(self) -> str:
        """First 12 hex digits of the SHA-256 of the merged plan's canonical GeoJSON."""
        return hashlib.sha256(self.geojson()).hexdigest()[:12]

    def geojson(self) -> bytes:
        """The merged plan as GeoJSON; `merged` lists what each zone took in."""
        features = [self._feature(row) for row in range(len(self.zone_ids))]
        content = {"type": "FeatureCollection", "features": features}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

    def _feature(self, row: int) -> dict[str, Any]:
        zone_id = self.zone_ids[row]
        properties = {
            "zone_id": zone_id,
            "name": self.names[row],
            "parent_id": self.districts[self.district[row]],
            "area_type": self.area_types[row],
            "merged": sorted(took for took, into in self.merged.items() if into == zone_id),
        }
        return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(self.geometries[row])}


@dataclass(frozen=True)
class _Zone:
    zone_id: str
    name: str
    parent_id: str
    sensitive: bool
    area_type: str | None
    merged: tuple[str, ...]
    geometry: BaseGeometry


def load_zone_plan(path: Path) -> ZonePlan:
    """Read and check zones.geojson; raises RejectedInput naming the zone and the rule."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RejectedInput(f"{path} cannot be read: {error.strerror}.", "Land zones.geojson.") from None
    return parse_zone_plan(content, path.name)


def parse_zone_plan(content: bytes, source: str) -> ZonePlan:
    """Read a zone plan as landed, or as `ZonePlan.geojson` wrote it; raises RejectedInput."""
    features = enumerate(_features(content, source), 1)
    zones = sorted((_zone(feature, number, source) for number, feature in features), key=lambda zone: zone.zone_id)
    doubled = [zone_id for zone_id, times in Counter(zone.zone_id for zone in zones).items() if times > 1]
    if doubled:
        raise RejectedInput(f"{source}: zone ids appear twice: {_names(doubled)}.", _MEND)
    shapes = np.array([zone.geometry for zone in zones], object)
    pairs = overlapping(shapes)
    if pairs:
        words = [f"{zones[a].zone_id} and {zones[b].zone_id}" for a, b in pairs]
        raise RejectedInput(f"{source}: zones overlap: {_names(words)}.", _MEND)
    return _plan(zones, shapes, source)


def _plan(zones: Sequence[_Zone], shapes: NDArray[Any], source: str) -> ZonePlan:
    districts, district = np.unique([zone.parent_id for zone in zones], return_inverse=True)
    takers, alone = merge_sensitive(shapes, district, np.array([zone.sensitive for zone in zones]))
    if alone:
        names = _names([zones[n].zone_id for n in alone])
        raise RejectedInput(
            f"{source}: sensitive zones without a neighbour in their district: {names}.",
            "Give each a neighbouring zone with the same parent_id.",
        )
    stay = [n for n in range(len(zones)) if n not in takers]
    merged = {zones[n].zone_id: zones[into].zone_id for n, into in takers.items()}
    final = {n: zones[takers.get(n, n)].zone_id for n in range(len(zones))}
    merged |= {took: final[n] for n, zone in enumerate(zones) for took in zone.merged}
    return ZonePlan(
        zone_ids=tuple(zones[n].zone_id for n in stay),
        names=tuple(zones[n].name for n in stay),
        district=district[stay].astype(np.int32),
        districts=tuple(str(name) for name in districts),
        geometries=tuple(shapes[stay]),
        area_types=tuple(zones[n].area_type for n in stay),
        merged=merged,
    )


def _features(content: bytes, source: str) -> list[Any]:
    try:
        features = json.loads(content.decode("utf-8-sig"))["features"]
    except (ValueError, KeyError, TypeError):
        features = None
    if not isinstance(features, list) or not features:
        raise RejectedInput(f"{source} is not a GeoJSON FeatureCollection with zones in it.", _MEND)
    if len(features) > ZONES:
        raise RejectedInput(f"{source} has {len(features)} zones; {ZONES} are possible.", "Split the plan.")
    return features


def _zone(feature: Any, number: int, source: str) -> _Zone:
    """The zone of a feature; a value that is no id is not shown, for nobody knows what it is."""
    try:
        properties = feature["properties"]
        zone_id = str(properties["zone_id"])
    except (KeyError, TypeError):
        raise RejectedInput(f"{source}: a feature has no property zone_id.", _MEND) from None
    parent_id = str(properties.get("parent_id") or "")
    for value, of in ((zone_id, f"zone_id of feature {number}"), (parent_id, f"parent_id of zone {zone_id!r}")):
        if not _ID.fullmatch(value):
            rule = "is missing" if not value else "must be 1 to 64 of A-Z a-z 0-9 _ . : -"
            raise RejectedInput(f"{source}: {of} {rule}.", _MEND)
    return _Zone(
        zone_id,
        str(properties.get("name") or zone_id),
        parent_id,
        str(properties.get("sensitive")).lower() == "true",
        properties.get("area_type"),
        tuple(properties.get("merged") or ()),
        _geometry(feature, zone_id, source),
    )


def _geometry(feature: Any, zone_id: str, source: str) -> BaseGeometry:
    try:
        geometry = shapely.geometry.shape(feature["geometry"])
    except Exception:  # shapely raises whatever the malformed member leads to
        raise RejectedInput(f"{source}: zone {zone_id} has no readable geometry.", _MEND) from None
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise RejectedInput(f"{source}: zone {zone_id} is a {geometry.geom_type}, not a filled polygon.", _MEND)
    if not geometry.is_valid:
        raise RejectedInput(f"{source}: zone {zone_id} is invalid: {shapely.is_valid_reason(geometry)}.", _MEND)
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise RejectedInput(f"{source}: zone {zone_id} is not in WGS 84 degrees.", "Convert the plan to EPSG:4326.")
    return geometry


def _names(words: Sequence[str]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
