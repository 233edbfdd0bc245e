"""zones.geojson: the shapes of the granted zones, and of their properties only what a client needs."""

import json

from tasks.deliverable.grant import Granted
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.view import ZonesView


def zones_geojson(plan: ZonesView, places: Granted) -> bytes:
    """The granted zones of the merged plan; nothing tells which zones took in a sensitive one."""
    wanted = set(places.zones)
    shapes = {feature["properties"]["zone_id"]: feature["geometry"] for feature in json.loads(plan.geojson)["features"]}
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": zone, "zone_name": name, "district_id": district},
            "geometry": shapes[zone],
        }
        for zone, name, district in zip(plan.zone_ids, plan.names, plan.district_ids, strict=True)
        if zone in wanted
    ]
    return to_compact_json({"type": "FeatureCollection", "features": features})
