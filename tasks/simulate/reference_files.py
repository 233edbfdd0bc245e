"""The plans beside the events: cells, zones, subscribers, consents and population."""

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.simulate.city import AREA_TYPES, HOSPITAL, LIVE, City
from tasks.simulate.consents import Consents
from tasks.simulate.files import write_table
from tasks.simulate.network import MOVED_M, RadioNetwork
from tasks.simulate.plan import Floats, SimulationPlan
from tasks.simulate.population import AGE_BANDS, GENDERS, HOME_MCC, People, subscribers_table

CENTRE_LATITUDE, CENTRE_LONGITUDE = 52.2, 9.6
METRES_PER_DEGREE = 111_195.0
_HEADS = """Alt Neu Ober Unter Nord Süd Ost West Linden Birken Eichen Mühlen Kirch Markt Schloss Hafen Berg Wiesen"""
_TAILS = """stadt markt tor feld berg hof wald ufer damm brück heim hausen garten werder kamp au"""
_DISTRICTS = (
    """Linden Rosental Marienfeld Seehof Falkenau Steinbach Eichwald Grünau Hohenberg Wiesental Kaltental Auenhain"""
)
CENSUS_SOURCE = "simulated register"
MARKET_SHARE = 0.3
"""The operator's share of residents; population.csv counts all residents."""


def write_reference_files(
    root: Path, plan: SimulationPlan, city: City, network: RadioNetwork, people: People, consents: Consents
) -> None:
    """Everything of a landing folder but its events; tables are CSV where events are."""
    suffix = "parquet" if plan.file_form == "parquet" else "csv"
    (root / "zones.geojson").write_bytes(zones_geojson(city))
    write_table(root / f"cells.{suffix}", cells_table(plan, network))
    write_table(root / f"subscribers.{suffix}", subscribers_table(plan, people, consents.active_from))
    write_table(root / f"consents.{suffix}", consents.table(people.ids(plan)))
    write_table(root / "population.csv", population_table(plan, city, people))


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
        "parent_name": _district_name(int(city.district[zone])),
        "area_type": AREA_TYPES[city.area_type[zone]],
        "sensitive": bool(city.area_type[zone] == HOSPITAL),
    }
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _district_name(district: int) -> str:
    """A name such as Linden-Süd; a number where all combinations are used."""
    names, sides = _DISTRICTS.split(), ("Mitte", "Nord", "Süd", "Ost", "West")
    name = f"{names[district % len(names)]}-{sides[district // len(names) % len(sides)]}"
    used = district // (len(names) * len(sides))
    return f"{name} {used + 1}" if used else name


def cells_table(plan: SimulationPlan, network: RadioNetwork) -> pa.Table:
    """cells.* with every version, in the columns of the plan's format."""
    moved = np.flatnonzero(network.moved)
    cell = np.concatenate([np.arange(len(network.cell_ids)), moved])
    second = np.arange(len(cell)) >= len(network.cell_ids)
    place = degrees(network.metres[cell] + MOVED_M * second[:, None])
    noon = datetime.combine(plan.calendar[plan.days // 2], time(12), plan.zone)
    limits = [plan.first - timedelta(days=1500), plan.first - timedelta(days=20), noon]
    instants = pa.array(limits, pa.timestamp("us", "UTC"))
    valid_to = np.where(network.moved[cell] & ~second, 2, 1)
    standing = (valid_to == 1) & (cell < network.valid)
    validity = instants.take(pa.array(2 * second)), instants.take(pa.array(valid_to, mask=standing))
    columns = _eurostat if plan.format == "eurostat" else _native
    return pa.table(columns(network, cell, place, *validity))


def _native(
    network: RadioNetwork, cell: Any, place: Floats, valid_from: pa.Array, valid_to: pa.Array
) -> dict[str, Any]:
    return {
        "cell_id": pa.array(network.cell_ids).take(pa.array(cell)),
        "latitude": place[:, 1],
        "longitude": place[:, 0],
        "valid_from": valid_from,
        "valid_to": valid_to,
        "azimuth": network.azimuth[cell],
        "range_m": _ranges(network)[cell],
        "technology": pa.array(["LTE", "NR"]).take(pa.array(cell // 3 % 2)),
        "height_m": (18 + cell // 3 % 5 * 4).astype(np.int32),
    }


def _eurostat(
    network: RadioNetwork, cell: Any, place: Floats, valid_from: pa.Array, valid_to: pa.Array
) -> dict[str, Any]:
    native = _native(network, cell, place, valid_from, valid_to)
    constant = {"elevation_angle": -4.0, "horizontal_beam_width": 65.0, "vertical_beam_width": 9.0, "power": 10.0}
    return {
        **{name: native[name] for name in ("cell_id", "latitude", "longitude")},
        "altitude": np.full(len(cell), 55.0),
        "antenna_height": native["height_m"].astype(np.float64),
        "directionality": np.ones(len(cell), np.int32),
        "azimuth_angle": native["azimuth"].astype(np.float64),
        **{name: np.full(len(cell), value) for name, value in constant.items()},
        "range": native["range_m"].astype(np.float64),
        "frequency": np.where(cell // 3 % 2 == 0, 1800, 3600).astype(np.int32),
        "technology": native["technology"],
        "valid_date_start": valid_from,
        "valid_date_end": valid_to,
        "cell_type": pa.array(["macrocell"] * len(cell)),
    }


def _ranges(network: RadioNetwork) -> Any:
    """[cell] metres to the fourth-nearest site: where a neighbour takes over."""
    sites = network.metres[::3].astype(np.float32)
    ranges = np.empty(len(sites), np.int32)
    for start in range(0, len(sites), 512):
        apart = np.hypot(*np.moveaxis(sites[start : start + 512, None] - sites, -1, 0))
        ranges[start : start + 512] = np.partition(apart, 4, axis=1)[:, 4]
    return np.repeat(np.maximum(ranges, 200), 3)[: len(network.metres)]


def population_table(plan: SimulationPlan, city: City, people: People) -> pa.Table:
    """population.csv: a census of residents by zone, age band and gender, of every operator."""
    pull = LIVE[city.area_type] * city.weight
    bands = people.bands(plan.start.year)[people.birth_year > 0]
    gender = np.array([0.492, 0.5, 0.008])
    residents = np.sum((people.home_mcc == HOME_MCC) & (city.square_zone[people.home] >= 0)) / MARKET_SHARE
    band = np.bincount(bands, minlength=len(AGE_BANDS)) / max(len(bands), 1)
    counts = residents * np.einsum("z,b,g->zbg", pull / pull.sum(), band, gender)
    zone, age, sex = (index.ravel() for index in np.indices(counts.shape))
    return pa.table(
        {
            "zone_id": pa.array(city.zone_ids).take(pa.array(zone)),
            "age_band": pa.array(AGE_BANDS).take(pa.array(age)),
            "gender": pa.array(GENDERS).take(pa.array(sex)),
            "residents": np.round(counts).astype(np.int64).ravel(),
            **census_source(plan, counts.size),
        }
    )


def census_source(plan: SimulationPlan, rows: int) -> dict[str, pa.Array]:
    """Who counted, and when: on the first day, as nobody moves."""
    return {"source": pa.repeat(CENSUS_SOURCE, rows), "as_of": pa.repeat(str(plan.start), rows)}
