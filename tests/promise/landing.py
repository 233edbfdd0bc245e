"""Small landing folders, row by row: four zones in two districts, one cell in each."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

Row = tuple[str, ...]
EVENTS = ("subscriber_id", "event_at", "cell_id", "event_type")
PEOPLE = ("subscriber_id", "birth_year", "gender", "segment", "home_mcc", "active_from")
CONSENTS = ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version")


def person(subscriber: str, birth_year: int = 1980, active_from: str = "") -> Row:
    """A row of the subscribers file."""
    return (subscriber, str(birth_year), "f", "consumer", "262", active_from)


def consent(subscriber: str, granted: str = "2026-01-01T00:00:00Z", withdrawn: str = "") -> Row:
    """A row of the consents file."""
    return (subscriber, "insights", granted, withdrawn, "app", "v1")


def seen(subscriber: str, day: date, hours: Iterable[int] = range(24)) -> list[Row]:
    """Events of a winter's day, two an hour, in the zone of the hour's number modulo 4."""
    return [
        (subscriber, f"{day}T{hour:02d}:{minute:02d}:00+01:00", f"c{hour % 4}", "call")
        for hour in hours
        for minute in (5, 35)
    ]


def write_people(root: Path, people: Sequence[Row], consents: Sequence[Row]) -> None:
    """The subscribers and consents files, in the place of those that are there."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "subscribers.csv").write_bytes(as_csv(PEOPLE, people))
    (root / "consents.csv").write_bytes(as_csv(CONSENTS, consents))


def write_network(root: Path) -> None:
    """Cells, zones, and an empty population file."""
    root.mkdir(parents=True, exist_ok=True)
    cells = [(f"c{n}", "50.05", f"{8.005 + n / 100:.3f}", "2025-01-01", "") for n in range(4)]
    cells.append(("old", "50.05", "8.005", "2020-01-01", "2020-02-01"))
    columns = ("cell_id", "latitude", "longitude", "valid_from", "valid_to")
    (root / "cells.csv").write_bytes(as_csv(columns, cells))
    (root / "population.csv").write_bytes(as_csv(("zone_id", "age_band", "gender", "residents"), []))
    zones = {"type": "FeatureCollection", "features": [_zone(n) for n in range(4)]}
    (root / "zones.geojson").write_text(json.dumps(zones))


def write_events(root: Path, day: date, rows: Sequence[Row]) -> None:
    """One CSV file of a day's events."""
    folder = root / "events" / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part-0.csv").write_bytes(as_csv(EVENTS, rows))


def as_csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """A CSV file's bytes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue().encode()


def _zone(n: int) -> dict[str, object]:
    west, east = 8 + n / 100, 8 + (n + 1) / 100
    ring = [[west, 50.0], [east, 50.0], [east, 50.1], [west, 50.1], [west, 50.0]]
    names = {"zone_id": f"Z{n}", "name": f"Zone {n}", "parent_id": f"D{n // 2}"}
    return {"type": "Feature", "properties": names, "geometry": {"type": "Polygon", "coordinates": [ring]}}
