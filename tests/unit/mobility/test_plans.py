"""The plans of a day: where cells are counted when zones are merged, and what the operator is told."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from tasks import policy_file
from tasks.errors import RejectedInput
from tasks.mobility.plans import Plans, load_plans, load_zone_plan
from tests.unit.mobility.test_zones import feature, square

TIME = policy_file.load().policy.time
DAY = date(2026, 3, 2)
HOSPITAL = feature("h", square(0, 0), sensitive=True)
LONG, SHORT = feature("l", square(1, 0)), feature("s", box(13.0, 52.1, 13.05, 52.2))
IN_HOSPITAL, IN_LONG, IN_SHORT = "c1,52.05,13.05", "c2,52.05,13.15", "c3,52.15,13.02"
ALWAYS, NEVER = ",,", ",2020-01-01,2020-02-01"


def plans(folder: Path, *cells: Any) -> Plans:
    (folder / "zones.geojson").write_text(json.dumps({"features": [HOSPITAL, LONG, SHORT]}))
    (folder / "cells.csv").write_text("\n".join(["cell_id,latitude,longitude,valid_from,valid_to", *cells]))
    return load_plans(folder, DAY, TIME)


def counted_in(made: Plans) -> Any:
    """Where each cell counts: the id of a zone, or None."""
    found = zip(made.cells.cell_id, made.cells.zone, strict=True)
    return {cell: made.zones.zone_ids[zone] if zone >= 0 else None for cell, zone in found}


def test_a_cell_of_a_sensitive_zone_counts_in_the_zone_that_took_it(tmp_path: Path) -> None:
    made = plans(tmp_path, IN_HOSPITAL + ALWAYS, IN_LONG + ALWAYS, IN_SHORT + ALWAYS)
    assert counted_in(made) == {"c1": "l", "c2": "l", "c3": "s"}
    assert (made.zones.merged, made.not_counted, made.notes({})) == ({"h": "l"}, (), ())
    assert load_zone_plan(tmp_path, TIME).version == made.zones.version


def test_a_neighbour_without_a_cell_takes_nothing(tmp_path: Path) -> None:
    assert counted_in(plans(tmp_path, IN_HOSPITAL + ALWAYS, IN_SHORT + ALWAYS)) == {"c1": "s", "c3": "s"}
    with pytest.raises(RejectedInput):
        plans(tmp_path, IN_HOSPITAL + ALWAYS)


def test_a_cell_on_the_border_of_a_sensitive_zone_is_no_cell_of_its_neighbours_own(tmp_path: Path) -> None:
    assert plans(tmp_path, IN_HOSPITAL + ALWAYS, "c2,52.05,13.1,,", IN_SHORT + ALWAYS).zones.merged == {"h": "s"}


def test_the_zone_plan_is_the_same_on_every_day_of_a_cells_file(tmp_path: Path) -> None:
    """The taker is judged by all cells of the file; else a month would have two plans."""
    made = plans(tmp_path, IN_HOSPITAL + ALWAYS, IN_LONG + NEVER, IN_SHORT + ALWAYS)
    assert made.zones.merged == {"h": "l"}


@pytest.mark.parametrize("of_taker", [NEVER, ",2026-03-02T06:00,", ",,2026-03-02T20:00"])
def test_on_a_day_when_the_taker_has_hours_without_a_cell_the_sensitive_zone_counts_nowhere(
    tmp_path: Path, of_taker: Any
) -> None:
    """Else the taker's count in those hours would be the sensitive zone's."""
    made = plans(tmp_path, IN_HOSPITAL + ALWAYS, IN_LONG + of_taker, IN_SHORT + ALWAYS)
    assert counted_in(made)["c1"] is None
    assert made.not_counted == ("h",)
    assert len(made.notes({})) == 1


def test_a_sensitive_zone_without_a_cell_in_those_hours_hides_nothing(tmp_path: Path) -> None:
    made = plans(tmp_path, IN_HOSPITAL + ",2026-03-02T06:00,", IN_LONG + ",2026-03-02T06:00,", IN_SHORT + ALWAYS)
    assert counted_in(made) == {"c1": "l", "c2": "l", "c3": "s"}


def test_a_zone_plan_that_changes_within_a_month_is_told(tmp_path: Path) -> None:
    made = plans(tmp_path, IN_HOSPITAL + ALWAYS, IN_LONG + ALWAYS)
    same, other = made.zones.version, "0" * 12
    assert made.notes({date(2026, 3, 1): same}) == ()
    (note,) = made.notes({date(2026, 3, 1): other, date(2026, 3, 3): same, date(2026, 3, 5): other})
    assert "2026-03-01, 2026-03-05" in note


HOURS = st.integers(0, 23)
CELLS = st.lists(st.tuples(st.sampled_from([IN_HOSPITAL, IN_LONG, IN_SHORT]), HOURS, HOURS), min_size=1, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CELLS)
def test_no_hour_s_count_is_that_of_a_sensitive_zone(tmp_path: Path, cells: Any) -> None:
    """Whatever cells stand when: a zone counts a sensitive zone's cell only in hours in which one of its own stands."""
    rows = [
        f"{n}{place[2:]},2026-03-02T{min(hours):02}:00,2026-03-02T{max(hours):02}:30"
        for n, (place, *hours) in enumerate(cells)
    ]
    try:
        made = plans(tmp_path, *rows)
    except RejectedInput:
        return
    where = counted_in(made)
    stands = [(where[str(n)], place, range(min(hours), max(hours) + 1)) for n, (place, *hours) in enumerate(cells)]
    for hour in range(24):
        heard = [(zone, place) for zone, place, hours in stands if zone and hour in hours]
        taken = {zone for zone, place in heard if place == IN_HOSPITAL}
        assert taken <= {zone for zone, place in heard if place != IN_HOSPITAL}
