"""Cells and zones that break a rule stop the day; its gate keeps what each rule counted."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks.ingest import Ingest
from tasks.store.tables import DayState, GateLine
from tests.error_codes import PLAN_RULES
from tests.promise.conftest import Above, Way
from tests.promise.landing import consent, person, seen, write_events, write_network, write_people
from tests.refusals import refused

DAY = date(2026, 3, 3)
NAMES = [f"p{n:02d}" for n in range(20)]


@pytest.fixture
def landed(way: Way) -> Way:
    write_people(way.landing, [person(name) for name in NAMES], [consent(name) for name in NAMES])
    write_events(way.landing, DAY, [row for name in NAMES for row in seen(name, DAY)])
    return way


def lines(way: Way, generation: int) -> dict[str, GateLine]:
    return {line.rule: line for line in way.stores().catalog.gate(DAY, generation)}


def no_sensitive(landing: Path) -> None:
    plan = json.loads((landing / "zones.geojson").read_text())
    plan["features"][0]["properties"]["sensitive"] = "no"
    (landing / "zones.geojson").write_text(json.dumps(plan))


def cell_twice(landing: Path) -> None:
    with (landing / "cells.csv").open("a") as cells:
        cells.write("c0,50.06,8.005,2025-01-01,\n")


@pytest.mark.parametrize(
    ("spoil", "code"), [(no_sensitive, "zones.invalid_sensitive"), (cell_twice, "cells.contradictory_versions")]
)
def test_a_plan_that_breaks_a_rule_stops_the_day_and_great_expectations_judges_it(
    landed: Way, spoil: Callable[[Path], None], code: str
) -> None:
    spoil(landed.landing)
    stores = landed.stores()
    with refused(code) as error:
        Ingest(stores, Above(), lambda: landed.now)(DAY)
    assert error.value.exit_code == 10
    found = lines(landed, 1)
    assert {rule: (line.status, line.value) for rule, line in found.items() if line.status != "passed"} == {
        code: ("failed", 1)
    }
    assert found[code].action
    (day,) = stores.catalog.generations(DAY)
    assert (day.state, day.rows_in, day.event_files) == (DayState.REJECTED, 0, 1)
    assert stores.ledger.find("gate_profile", 1, str(DAY)) is None, "nothing is charged"


def test_a_day_with_right_plans_keeps_what_each_rule_counted(landed: Way) -> None:
    assert landed.ingest(DAY).outcome == "Ingested"
    found = lines(landed, 1)
    assert {rule.code for rule in PLAN_RULES} <= set(found)
    assert {line.status for rule, line in found.items() if "." in rule} == {"passed"}
    assert (found["cells.none_valid"].value, found["cells.none_valid"].limit) == (1, 4)


def test_a_day_in_the_lake_has_the_confusion_matrices_and_the_evidence_of_its_plans(landed: Way) -> None:
    landed.ingest(DAY)
    day = landed.stores().catalog.current(DAY)
    assert day
    lake = landed.stores().lake
    for stored in (lake.confusion(day.zone_plan, day.cell_plan), lake.stay_confusion(day.zone_plan, day.cell_plan)):
        assert stored
        sums = stored.group_by(["model", "true_zone"]).aggregate([("share", "sum")])["share_sum"].to_pylist()
        assert sums == pytest.approx([1.0] * len(sums), abs=1e-9)
    evidence = lake.evidence(day.zone_plan, day.cell_plan)
    assert evidence
    assert min(evidence["weight"].to_pylist()) > 0


def test_a_census_is_kept_beside_its_zone_plan_and_one_that_does_not_fit_only_warns(landed: Way) -> None:
    census, lake = landed.landing / "population.csv", landed.stores().lake
    census.write_text("zone_id,residents\nZ0,5\nZ3,6\n")
    assert not any("population" in each for each in landed.ingest(DAY).warnings)
    day = landed.stores().catalog.current(DAY)
    assert day
    kept = lake.margins(day.zone_plan)
    assert kept
    assert kept.table["residents"].to_pylist() == [5, 6]
    census.write_text("zone_id,residents\nZ9,5\n")
    assert "Z9" in " ".join(landed.ingest(DAY).warnings)
    assert lake.margins(day.zone_plan) == kept
    census.write_text("zone_id,residents\nZ0,-5\n")
    with refused("population.invalid_residents") as error:
        landed.ingest(DAY)
    assert error.value.exit_code == 10


def test_a_day_is_ingested_once_its_plan_is_corrected(landed: Way) -> None:
    cell_twice(landed.landing)
    with refused("cells.contradictory_versions"):
        landed.ingest(DAY)
    write_network(landed.landing)
    assert landed.ingest(DAY).outcome == "Ingested"
    states = [row.state for row in landed.stores().catalog.generations(DAY)]
    assert states == [DayState.REJECTED, DayState.CURRENT]


def test_a_plan_that_goes_bad_leaves_the_day_that_counts(landed: Way) -> None:
    assert landed.ingest(DAY).outcome == "Ingested"
    cell_twice(landed.landing)
    with refused("cells.contradictory_versions"):
        landed.ingest(DAY)
    current = landed.stores().catalog.current(DAY)
    assert current
    assert current.generation == 1


def test_an_optional_column_warns_and_stops_nothing(landed: Way) -> None:
    cells = (landed.landing / "cells.csv").read_text().splitlines()
    rows = [f"{cells[0]},azimuth", *(f"{cell},400" for cell in cells[1:])]
    (landed.landing / "cells.csv").write_text("\n".join(rows))
    assert "cells.azimuth" in {warning.partition(":")[0] for warning in landed.ingest(DAY).warnings}
    assert (lines(landed, 1)["cells.azimuth"].status, lines(landed, 1)["cells.azimuth"].value) == ("failed", 5)
