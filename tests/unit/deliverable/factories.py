"""A small release with all statuses, its zone plan and a client; made of plain numbers, no noise drawn."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from tasks.deliverable.files import Rendered, render
from tasks.deliverable.view import (
    DeliveryView,
    GrantView,
    LevelView,
    Place,
    PrivacyView,
    ReleaseView,
    ZonesView,
)
from tasks.period import Period, day_hours

SIGNING_KEY = bytes(range(32))
AGES = ("-24", "25-34", "65+")
GENDERS = ("f", "m", "x")
ZONE_HOUR = LevelView(
    "zone_hour",
    Place.ZONE,
    "Opted-in subscribers by the zone where they spent most of the hour.",
    {},
    ("zone_id",),
    Decimal(32),
    24,
    96,
)
DEMOGRAPHIC = LevelView(
    "district_hour_demographic",
    Place.DISTRICT,
    "The same subscribers by district, age band and gender.",
    {"age_band": AGES, "gender": GENDERS},
    ("zone_id", "age_band", "gender"),
    Decimal(64),
    24,
    192,
)


def square(x: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[x, 50.0], [x + 0.1, 50.0], [x + 0.1, 50.1], [x, 50.1], [x, 50.0]]]}


def zones_view(names: tuple[str, ...] = ("Altstadt", "Bahnhof", "Campus", "Dom")) -> ZonesView:
    ids, districts = ("Z01", "Z02", "Z03", "Z04"), ("North", "North", "South", "South")
    features = [
        {
            "type": "Feature",
            "properties": {"zone_id": z, "name": n, "parent_id": d, "sensitive": False, "merged_from": ["Z09"]},
            "geometry": square(8 + i / 10),
        }
        for i, (z, n, d) in enumerate(zip(ids, names, districts, strict=True))
    ]
    geojson = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return ZonesView("abc123def456", ids, names, districts, {"Z09": "Z02"}, geojson)


def release_view(day: date = date(2026, 3, 2), **changes: Any) -> ReleaseView:
    facts = ReleaseView(
        product="footfall",
        version=1,
        period=Period.day(day),
        revision=1,
        created_at=datetime(2026, 3, 3, 5, tzinfo=UTC),
        timezone="Europe/Berlin",
        hours=day_hours(day, ZoneInfo("Europe/Berlin")),
        levels=(ZONE_HOUR, DEMOGRAPHIC),
        privacy=PrivacyView(0.0146484375, 1.1, 1.0, 9.5, 1e-9, "strict", "0" * 64),
        panel=None,
        panel_reason="no month before 2026-03 has a panel release.",
        warnings=(),
        quality={"hours_covered": 24},
        sha256="1" * 64,
    )
    return replace(facts, **changes)


def release_table(release: ReleaseView, plan: ZonesView, seed: int = 1) -> pa.Table:
    """Every key of both levels in the release's own columns, shuffled; small values withheld, one hour incomplete."""
    generator = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for level in release.levels:
        of_zone = level.place is Place.ZONE
        for place in plan.zone_ids if of_zone else sorted(set(plan.district_ids)):
            for hour, start in enumerate(release.hours):
                for keys in [{}] if of_zone else [{"age_band": a, "gender": g} for a in AGES for g in GENDERS]:
                    value = float(generator.gamma(2, 2.2 * level.threshold / 2)) + 1 / 3
                    rows.append(
                        {
                            "level": level.name,
                            "zone_id": place if of_zone else None,
                            "district_id": None if of_zone else place,
                            "hour": hour,
                            "hour_start": start,
                            "age_band": keys.get("age_band"),
                            "gender": keys.get("gender"),
                            **_numbers(value, float(level.sigma), level.threshold, hour == 3),
                        }
                    )
    return pa.Table.from_pylist([rows[i] for i in generator.permutation(len(rows))], schema=SCHEMA)


def _numbers(value: float, se: float, threshold: int, incomplete: bool) -> dict[str, Any]:
    if incomplete or value < threshold:
        empty = dict.fromkeys(("value", "se", "low", "high"))
        return {**empty, "status": "incomplete" if incomplete else "withheld_small"}
    low, high = value - 1.645 * se, value + 1.645 * se
    return {"value": value, "se": se, "low": low, "high": high, "status": "estimate"}


SCHEMA = pa.schema(
    [
        ("level", pa.string()),
        ("zone_id", pa.string()),
        ("district_id", pa.string()),
        ("hour", pa.int8()),
        ("hour_start", pa.timestamp("s", "UTC")),
        ("age_band", pa.string()),
        ("gender", pa.string()),
        ("value", pa.float64()),
        ("se", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("status", pa.string()),
    ]
)


def grant_view(*zones: str, formats: tuple[str, ...] = ("parquet", "csv")) -> GrantView:
    return GrantView("nordmarkt", "data@nordmarkt.example", zones or ("*",), formats)


def rendered(
    release: ReleaseView | None = None,
    plan: ZonesView | None = None,
    grant: GrantView | None = None,
    delivery: DeliveryView | None = None,
    key: bytes = SIGNING_KEY,
) -> Rendered:
    release, plan = release or release_view(), plan or zones_view()
    table = release_table(release, plan)
    return render(release, table, plan, grant or grant_view(), delivery or DeliveryView(1), key)
