"""The zone plan: the polygons that products count in, with sensitive zones merged away before anything is counted."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tasks.events.plan_rules import SENSITIVE_UNMERGED, PlanChecks
from tasks.mobility.borders import alike, merge_sensitive
from tasks.mobility.zone_file import Zone, district_names


@dataclass(frozen=True)
class ZonePlan:
    """Zones sorted by id, after merging. `district` is an index into `districts`, the sorted parent ids."""

    zone_ids: tuple[str, ...]
    names: tuple[str, ...]
    district: NDArray[np.int32]
    districts: tuple[str, ...]
    district_names: tuple[str, ...]
    """The name of each district, or its id."""
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
            "parent_name": self.district_names[self.district[row]],
            "area_type": self.area_types[row],
            "merged": sorted(took for took, into in self.merged.items() if into == zone_id),
        }
        return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(self.geometries[row])}


def merged_plan(zones: Sequence[Zone], covered: NDArray[np.bool_], checks: PlanChecks) -> ZonePlan:
    """The plan of landed zones, by id; `covered` says which have a cell. Raises RejectedInput naming the zone."""
    shapes = np.array([zone.geometry for zone in zones], object)
    districts, district = np.unique([zone.parent_id for zone in zones], return_inverse=True)
    named = district_names(zones)
    sensitive = np.array([zone.sensitive for zone in zones])
    takers, alone = merge_sensitive(shapes, district, sensitive, covered)
    alone_ids = [zones[n].zone_id for n in alone]
    checks.count(SENSITIVE_UNMERGED, "zones.geojson", alone_ids, int(sensitive.sum()))
    checks.refuse()
    stay = [n for n in range(len(zones)) if n not in takers]
    return ZonePlan(
        zone_ids=tuple(zones[n].zone_id for n in stay),
        names=tuple(zones[n].name for n in stay),
        district=district[stay].astype(np.int32),
        districts=tuple(str(name) for name in districts),
        district_names=tuple(min(named[str(name)], default=str(name)) for name in districts),
        geometries=tuple(alike(shapes[stay])),
        area_types=tuple(zones[n].area_type for n in stay),
        merged={zones[n].zone_id: zones[into].zone_id for n, into in takers.items()},
    )


def stored_plan(content: bytes) -> ZonePlan:
    """A plan as `ZonePlan.geojson` wrote it."""
    features = json.loads(content)["features"]
    properties = [feature["properties"] for feature in features]
    districts, district = np.unique([zone["parent_id"] for zone in properties], return_inverse=True)
    named = {zone["parent_id"]: zone["parent_name"] for zone in properties}
    return ZonePlan(
        zone_ids=tuple(zone["zone_id"] for zone in properties),
        names=tuple(zone["name"] for zone in properties),
        district=district.astype(np.int32),
        districts=tuple(str(name) for name in districts),
        district_names=tuple(named[name] for name in districts),
        geometries=tuple(shapely.geometry.shape(feature["geometry"]) for feature in features),
        area_types=tuple(zone["area_type"] for zone in properties),
        merged={took: zone["zone_id"] for zone in properties for took in zone["merged"]},
    )
