"""Reference data of a zone plan: granted zones and districts with their shapes, and what became of earlier zones."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import pyarrow as pa
import shapely

from tasks.deliverable.areas import PlaceShapes, areas, district_shapes, zone_shapes
from tasks.deliverable.columns import DataColumn
from tasks.deliverable.renderers.spec import RenderInput
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.shapes import overlaps, shapes_of

GEOMETRY = "geometry"

Successor = tuple[str, str, str, str, float]
"""Plan, zone, other plan, other zone, and the share of the first zone's area in the other one."""

_ZONE = "Joins the rows of the data. Ids may have gaps: sensitive places count in a neighbouring zone and have no id."
_DISTRICT = (
    ("district_id", "The district, a group of zones."),
    ("district_name", "The district's name, or its id where it has none."),
)
_SHAPE = DataColumn(GEOMETRY, pa.binary(), True, "The shape in WGS 84, longitude first (OGC:CRS84).")
_AREA = DataColumn("area_km2", pa.float64(), True, "The area on the WGS 84 ellipsoid.", "km2")


def zones(content: RenderInput) -> pa.Table:
    """The granted zones of the merged plan, by id. Zones that took in a sensitive one are not recognisable."""
    plan, shapes = content.plan, zone_shapes(content.plan.geojson, content.places.zones)
    named = dict(zip(plan.zone_ids, zip(plan.names, plan.district_ids, strict=True), strict=True))
    rows = [(zone, named[zone][0], named[zone][1], plan.district_names[named[zone][1]]) for zone in shapes]
    return _places((("zone_id", _ZONE), ("zone_name", "The zone's name."), *_DISTRICT), rows, shapes)


def districts(content: RenderInput) -> pa.Table:
    """The districts that are granted whole, by id; all of them where rows name any, such as homes of visitors."""
    plan, dimensions = content.plan, (each for level in content.release.levels for each in level.dimensions)
    named = any(each.named_by == "district" for each in dimensions)
    shapes = district_shapes(plan, tuple(sorted(plan.district_names)) if named else content.places.districts)
    return _places(_DISTRICT, [(district, plan.district_names[district]) for district in shapes], shapes)


def successors(content: RenderInput) -> Iterator[Successor]:
    """Shares of area between this plan and each earlier one that the client received, both ways, sorted."""
    now, zones = content.plan, content.places.zones
    for version, earlier in sorted(content.delivery.earlier_zones.items()):
        both = _overlaps(now.geojson, zones, tuple(earlier))
        yield from sorted((version, there, now.version, here, share) for here, there, _, share in both if share)
        yield from sorted((now.version, here, version, there, share) for here, there, share, _ in both if share)


@lru_cache(maxsize=8)
def _overlaps(
    geojson: bytes, zones: tuple[str, ...], earlier: tuple[bytes, ...]
) -> list[tuple[str, str, float, float]]:
    """Overlaps of a plan's zones with delivered zones of an earlier plan. Kept, as many deliveries show it."""
    there = {zone: shape for part in earlier for zone, shape in shapes_of(part).items()}
    return list(overlaps(zone_shapes(geojson, zones), there))


def reference_folder(zone_plan: str, files: Mapping[str, bytes]) -> str:
    """The folder of reference data, below the product's folder: named by plan and content."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return f"reference/zone_plan={zone_plan}/content={hashlib.sha256(to_compact_json(listed)).hexdigest()[:12]}"


def _places(named: Sequence[tuple[str, str]], rows: Sequence[tuple[str, ...]], shapes: PlaceShapes) -> pa.Table:
    """Text columns with their meanings, then area and shape (WKB)."""
    texts = [DataColumn(name, pa.string(), True, meaning).field for name, meaning in named]
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(named))]
    sizes = pa.array(areas(shapes).values(), pa.float64())
    geometry = pa.array(list(shapely.to_wkb(list(shapes.values()))), pa.binary())
    return pa.table([*columns, sizes, geometry], pa.schema([*texts, _AREA.field, _SHAPE.field]))
