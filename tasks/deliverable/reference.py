"""Reference data of a zone plan: granted zones and districts with their shapes, and what became of earlier zones."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.deliverable.columns import DataColumn
from tasks.deliverable.renderers.spec import RenderInput
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.shapes import areas_km2, right_handed, shapes_of, shares, united

GEOMETRY = "geometry"

_ZONE = "Joins the rows of the data. Ids may have gaps: sensitive places count in a neighbouring zone and have no id."
_DISTRICT = (
    ("district_id", "The district, a group of zones."),
    ("district_name", "The district's name, or its id where it has none."),
)
_SHAPE = DataColumn(GEOMETRY, pa.binary(), True, "The shape in WGS 84, longitude first (OGC:CRS84).")
_AREA = DataColumn("area_km2", pa.float64(), True, "The area on the WGS 84 ellipsoid.", "km2")


def zones(content: RenderInput) -> pa.Table:
    """The granted zones of the merged plan, by id. Zones that took in a sensitive one are not recognisable."""
    plan, shapes = content.plan, _granted_shapes(content)
    named = dict(zip(plan.zone_ids, zip(plan.names, plan.district_ids, strict=True), strict=True))
    rows = [(zone, named[zone][0], named[zone][1], plan.district_names[named[zone][1]]) for zone in shapes]
    return _places((("zone_id", _ZONE), ("zone_name", "The zone's name."), *_DISTRICT), rows, list(shapes.values()))


def districts(content: RenderInput) -> pa.Table:
    """The districts that are granted whole, by id: each the union of its zones."""
    plan, shapes = content.plan, _granted_shapes(content)
    members: dict[str, list[BaseGeometry]] = {district: [] for district in content.places.districts}
    for zone, district in zip(plan.zone_ids, plan.district_ids, strict=True):
        if district in members:
            members[district].append(shapes[zone])
    rows = [(district, plan.district_names[district]) for district in members]
    return _places(_DISTRICT, rows, [united(parts) for parts in members.values()])


def successors(content: RenderInput) -> Iterator[tuple[str, str, str, str, float]]:
    """Shares of area between this plan and each earlier one that the client received, both ways.

    (plan, zone, other plan, other zone, share of the first zone's area). Only zones that were delivered.
    """
    now = (content.plan.version, _granted_shapes(content))
    for version, earlier in sorted(content.delivery.earlier_zones.items()):
        before = (version, {zone: shape for geojson in earlier for zone, shape in shapes_of(geojson).items()})
        for (plan, of), (other, among) in ((before, now), (now, before)):
            for one, two, share in shares(list(of.values()), list(among.values())):
                yield plan, list(of)[one], other, list(among)[two], share


def reference_folder(zone_plan: str, files: Mapping[str, bytes]) -> str:
    """The folder of reference data, below the product's folder: named by plan and content."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return f"reference/zone_plan={zone_plan}/content={hashlib.sha256(to_compact_json(listed)).hexdigest()[:12]}"


def _granted_shapes(content: RenderInput) -> dict[str, BaseGeometry]:
    shapes = shapes_of(content.plan.geojson)
    return {zone: right_handed(shapes[zone]) for zone in content.places.zones}


def _places(
    named: Sequence[tuple[str, str]], rows: Sequence[tuple[str, ...]], shapes: Sequence[BaseGeometry]
) -> pa.Table:
    """Text columns with their meanings, then area and shape (WKB)."""
    texts = [DataColumn(name, pa.string(), True, meaning).field for name, meaning in named]
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(named))]
    areas = pa.array([round(area, 6) for area in areas_km2(shapes).tolist()], pa.float64())
    geometry = pa.array([shapely.to_wkb(shape) for shape in shapes], pa.binary())
    return pa.table([*columns, areas, geometry], pa.schema([*texts, _AREA.field, _SHAPE.field]))
