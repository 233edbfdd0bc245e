"""A client whose zone plan changes learns what became of its zones, and nothing of others."""

import csv
import io
from datetime import date

from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.promise.test_estimated_people import DAY, only, rendered

LATER = date(2026, 4, 3)


def test_a_later_plan_names_its_predecessors_and_a_delivery_again_finds_them_written(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    for day in (DAY, LATER):
        write_events(way.landing, day, seen("a", day))
        way.ingest(day)
        way.publish("footfall", str(day))
        files = rendered(way, day=day)
        assert rendered(way, day=day) == files
        zones = way.landing / "zones.geojson"
        zones.write_text(zones.read_text().replace('"Z3"', '"Z9"'))
    rows = list(csv.DictReader(io.StringIO(only(files, "successors.csv").decode())))
    renamed = {("Z3", "Z9"), ("Z9", "Z3")}
    assert renamed < {(row["from_zone_id"], row["to_zone_id"]) for row in rows}
    assert {row["share_of_area"] for row in rows} == {"1.000000000"}
    assert len({row["from_zone_plan"] for row in rows}) == 2
    assert only(rendered(way), "successors.csv").count(b"\n") == 1, "what was delivered before stays as it was"
