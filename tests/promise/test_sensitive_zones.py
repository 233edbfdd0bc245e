"""A sensitive zone is counted as part of a neighbour that has persons of its own, or nowhere."""

import json
from datetime import date

from tests.promise.conftest import Way
from tests.promise.landing import as_csv, consent, person, seen, write_events, write_people

DAY, NEXT = date(2026, 3, 3), date(2026, 3, 4)
PERSON = "+4915100001"
CELLS = ("cell_id", "latitude", "longitude", "valid_from", "valid_to")


def _of_taker(way: Way, day: date) -> list[float]:
    """The counts of Z0 by hour, where it has a cell."""
    rows = way.table(way.publish("footfall", str(day))).to_pylist()
    return [row["value"] for row in rows if row["zone_id"] == "Z0" and row["value"] is not None]


def test_no_count_is_that_of_a_sensitive_zone(way: Way) -> None:
    """Z1 is sensitive and Z0 takes it; on the first day the cell of Z0 stands from noon only."""
    plan = json.loads((way.landing / "zones.geojson").read_text())
    plan["features"][1]["properties"]["sensitive"] = True
    (way.landing / "zones.geojson").write_text(json.dumps(plan))
    places = [
        ("c0", "50.05", "8.005", f"{DAY}T12:00", ""),
        *((f"c{n}", "50.05", f"8.0{n}5", "", "") for n in (1, 2, 3)),
    ]
    (way.landing / "cells.csv").write_bytes(as_csv(CELLS, places))
    write_people(way.landing, [person(PERSON)], [consent(PERSON)])
    for day in (DAY, NEXT):
        write_events(way.landing, day, seen(PERSON, day, range(13, 24, 4)))
    assert len(way.ingest(DAY).warnings) == len(way.ingest(NEXT).warnings) + 1
    assert len(set(_of_taker(way, DAY))) == 1, "every hour of the day is as empty as the others"
    assert len(set(_of_taker(way, NEXT))) == 2


def test_a_zone_plan_that_changes_within_a_month_is_told_when_a_day_is_ingested(way: Way) -> None:
    write_people(way.landing, [person(PERSON)], [consent(PERSON)])
    for day in (DAY, NEXT):
        write_events(way.landing, day, seen(PERSON, day))
    before = way.ingest(DAY).warnings
    zones = way.landing / "zones.geojson"
    zones.write_text(zones.read_text().replace("Zone 3", "Zone three"))
    assert [said for said in way.ingest(NEXT).warnings if said not in before and str(DAY) in said]
