"""Deliveries of footfall keep their bytes: digests of files rendered before levels were declared by dimensions."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from tasks.deliverable.files import render
from tasks.deliverable.view import DeliveryView, PanelView, ZonesView
from tasks.mobility.zones import ZonePlan
from tasks.period import Period, day_hours
from tasks.privacy.bounds import LevelRule
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.spec import PublicContext
from tasks.release_metadata import level_views
from tests.unit.deliverable.factories import SIGNING_KEY, grant_view, release_view, zones_view

RULES = (LevelRule("zone_hour", Decimal(32), 24, 96), LevelRule("district_hour_demographic", Decimal(64), 24, 192))
AGES = ("-24", "25-34", "35-44", "45-54", "55-64", "65+")
PANEL = PanelView("2026-02", 1234.4, 10, 1217.9, 1250.8)


TEXTS = ("level", "zone_id", "district_id", "age_band", "gender", "status")
SCHEMA = pa.schema(
    {
        **dict.fromkeys(TEXTS, pa.string()),
        "hour_start": pa.timestamp("s", "UTC"),
        **dict.fromkeys(("value", "se", "low", "high"), pa.float64()),
    }
)


def row(level: str, number: int, hour: int, **keys: object) -> dict[str, Any]:
    sigma, least = (32.0, 96) if level == "zone_hour" else (64.0, 192)
    value = (number * 7919 % 1000) / 3 + least / 2
    status = "estimate" if value >= least else "withheld_small"
    status = {3: "incomplete", 4: "no_coverage"}.get(hour, status)
    filled = {"value": value, "se": sigma / 3, "low": value - sigma, "high": value + sigma}
    return {"level": level, **keys, **(filled if status == "estimate" else {}), "status": status}


def released(plan: ZonesView, hours: Sequence[datetime]) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for hour, start in enumerate(hours):
        for zone in plan.zone_ids:
            rows.append(row("zone_hour", len(rows), hour, hour_start=start, zone_id=zone))
        for district in ("North", "South"):
            for age in AGES:
                for gender in ("f", "m", "x"):
                    keys = {"hour_start": start, "district_id": district, "age_band": age, "gender": gender}
                    rows.append(row("district_hour_demographic", len(rows), hour, **keys))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def public(plan: ZonesView, day: date) -> PublicContext:
    names, district = np.unique(plan.district_ids, return_inverse=True)
    numbers, districts = district.astype(np.int32), tuple(map(str, names))
    zones = ZonePlan(plan.zone_ids, plan.names, numbers, districts, geometries=(), area_types=(), merged={})
    return PublicContext(Period.day(day), zones, ZoneInfo("Europe/Berlin"))


def footfall(day: date, zones: tuple[str, ...], formats: tuple[str, ...], **facts: Any) -> dict[str, bytes]:
    plan = zones_view(("=Altstadt", "Bahn*hof", "Campus", "Dom"))
    hours = day_hours(day, ZoneInfo("Europe/Berlin"))
    release = release_view(day, levels=level_views(FOOTFALL, RULES, public(plan, day)), **facts)
    grant, delivery = grant_view(*zones, formats=formats), DeliveryView(2, "2" * 64)
    return dict(render(release, released(plan, hours), plan, grant, delivery, SIGNING_KEY).files)


def digests(files: dict[str, bytes]) -> dict[str, str]:
    """By file. Of data.parquet the manifest holds the types and data.csv the rows; its bytes are PyArrow's."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = [file["path"] for file in manifest["files"]]
    kept = {name: content for name, content in files.items() if name not in ("data.parquet", "manifest.sig")}
    kept["manifest.json"] = json.dumps(manifest, sort_keys=True).encode()
    return {name: hashlib.sha256(content).hexdigest()[:16] for name, content in sorted(kept.items())}


CASES = {
    "every zone": footfall(date(2026, 3, 2), ("*",), ("parquet", "csv"), panel=PANEL, panel_reason=""),
    "a long day, one zone and one district": footfall(
        date(2026, 10, 25), ("Z01", "South"), ("csv",), warnings=("Few rows came.",)
    ),
    "one zone of a short day": footfall(date(2026, 3, 29), ("Z02",), ("parquet",)),
}
EXPECTED = {
    "every zone": {
        "README.md": "385078ef79f2cc6f",
        "contract.yaml": "08d508ec4efc0623",
        "data.csv": "ddb1832462bde29f",
        "manifest.json": "c5422cc918c508d3",
        "zones.geojson": "ab12345700de1eed",
    },
    "a long day, one zone and one district": {
        "README.md": "5d25497311008805",
        "contract.yaml": "08d508ec4efc0623",
        "data.csv": "e167f5ee51399f90",
        "manifest.json": "964d1915e79d01e0",
        "zones.geojson": "e37715f6ad2d257d",
    },
    "one zone of a short day": {
        "README.md": "1aa7700c452be18c",
        "contract.yaml": "08d508ec4efc0623",
        "manifest.json": "0db8b30c80dc9efd",
        "zones.geojson": "2a262f0dd4175916",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_a_delivery_of_footfall_has_the_bytes_it_always_had(case: str) -> None:
    assert digests(CASES[case]) == EXPECTED[case]
