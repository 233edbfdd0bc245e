"""Reference data in files: zones and districts as GeoParquet and GeoJSON, and zones of earlier plans as CSV."""

import csv
import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from tasks.deliverable.reference import GEOMETRY, districts, successors, zones
from tasks.deliverable.renderers.spec import Renderer, RenderInput

_SUCCESSORS = ("from_zone_plan", "from_zone_id", "to_zone_plan", "to_zone_id", "share_of_area")


def geojson(table: pa.Table) -> bytes:
    """A FeatureCollection (RFC 7946), `type` first: readers tell formats by a file's first bytes."""
    properties = table.drop_columns([GEOMETRY]).to_pylist()
    shapes = shapely.from_wkb(table[GEOMETRY].to_pylist())
    features = [
        {"type": "Feature", "properties": row, "geometry": shapely.geometry.mapping(shape)}
        for row, shape in zip(properties, shapes, strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def geoparquet(table: pa.Table) -> bytes:
    """GeoParquet 1.1. Without `crs` it is in OGC:CRS84, the standard's default."""
    shapes = shapely.from_wkb(table[GEOMETRY].to_pylist())
    column = {
        "encoding": "WKB",
        "geometry_types": sorted({shape.geom_type for shape in shapes}),
        "orientation": "counterclockwise",
        "edges": "planar",
        **({"bbox": shapely.total_bounds(shapes).tolist()} if len(shapes) else {}),
    }
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), sink, version="2.6", compression="zstd")
    return sink.getvalue()


def successors_csv(content: RenderInput) -> bytes:
    """CSV with a header; no rows for a client's first zone plan."""
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows([_SUCCESSORS, *((*ids, f"{share:.9f}") for *ids, share in successors(content))])
    return sink.getvalue().encode()


def _renderer(file: str, media_type: str, meaning: str, render: Callable[[RenderInput], bytes]) -> Renderer:
    return Renderer(file, file, media_type, meaning, render, below="reference")


def _pair(name: str, places: Callable[[RenderInput], pa.Table], meaning: str) -> tuple[Renderer, Renderer]:
    return (
        _renderer(
            f"{name}.parquet", "application/vnd.apache.parquet", meaning, lambda content: geoparquet(places(content))
        ),
        _renderer(f"{name}.geojson", "application/geo+json", meaning, lambda content: geojson(places(content))),
    )


RENDERERS = (
    *_pair("zones", zones, "your zones: name, district, area and shape"),
    *_pair("districts", districts, "the districts that your rows can name: name, area and shape"),
    _renderer(
        "successors.csv", "text/csv; charset=utf-8", "zones of your earlier zone plans in this one", successors_csv
    ),
)
