"""zones.geojson: the shapes of the granted zones, with id, name and district."""

import json

from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.serialisation import to_compact_json


def geojson(content: RenderInput) -> bytes:
    """The granted zones of the merged plan. Merged sensitive zones are not recognisable."""
    plan, wanted = content.plan, set(content.places.zones)
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


RENDERER = Renderer("geojson", "zones.geojson", "application/geo+json", "the shapes of your zones", geojson)
