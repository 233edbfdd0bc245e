"""The zone plan as a file: zones.geojson in WGS 84."""

import json
from typing import Any

import numpy as np

from tasks.simulate.city import AREA_TYPES, HOSPITAL, City
from tasks.simulate.plan import Floats

CENTRE_LATITUDE, CENTRE_LONGITUDE = 52.2, 9.6
METRES_PER_DEGREE = 111_195.0
_HEADS = """Alt Neu Ober Unter Nord Süd Ost West Linden Birken Eichen Mühlen Kirch Markt Schloss Hafen Berg Wiesen"""
_TAILS = """stadt markt tor feld berg hof wald ufer damm brück heim hausen garten werder kamp au"""


def degrees(metres: Floats) -> Floats:
    """[.., longitude and latitude] in WGS 84 of points in metres from the centre, to about a centimetre."""
    shrink = np.cos(np.radians(CENTRE_LATITUDE))
    scale = np.array([1 / (METRES_PER_DEGREE * shrink), 1 / METRES_PER_DEGREE])
    return np.asarray(np.round(metres * scale + [CENTRE_LONGITUDE, CENTRE_LATITUDE], 7))


def zones_geojson(city: City) -> bytes:
    """The zone plan as a client's map would load it; the hospital is marked sensitive."""
    features = [_feature(city, zone) for zone in range(len(city.district))]
    content = {"type": "FeatureCollection", "name": "zones", "features": features}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _feature(city: City, zone: int) -> dict[str, Any]:
    ring = degrees(city.tiling.rings[zone]).tolist()
    heads, tails = _HEADS.split(), _TAILS.split()
    # 7 is prime to both counts, so names repeat only after all combinations.
    head, tail = heads[zone * 7 % len(heads)], tails[(zone * 7 + zone // 144) % len(tails)]
    number = f" {zone // 144 + 1}" if zone >= 144 else ""
    properties = {
        "zone_id": city.zone_ids[zone],
        "name": f"{head}{tail}{number}",
        "parent_id": city.district_ids[city.district[zone]],
        "area_type": AREA_TYPES[city.area_type[zone]],
        "sensitive": bool(city.area_type[zone] == HOSPITAL),
    }
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}
