"""Each rule for cells and zones, by a plan that breaks it alone."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import mapping

from tasks import policy_file
from tasks.errors import RejectedInput
from tasks.events.formats import shipped
from tasks.events.plan_rules import ATTRIBUTES, PlanChecks
from tasks.mobility.plans import load_plans
from tests.error_codes import PLAN_RULES
from tests.refusals import refused
from tests.unit.mobility.test_zones import feature, square

TIME = policy_file.load().policy.time
DAY = date(2026, 3, 2)
HEAD = "cell_id,latitude,longitude,valid_from,valid_to,azimuth,range_m,height_m,technology"
MORE = ",beam_width,power_w"
CELLS = ("c1,52.05,13.05,2026-01-01,,120,900,30,LTE", "c2,52.05,13.15,,,,,,", "abroad,40,13,,,0,1,0,5G NSA")
A, B = feature("a", square(0, 0)), feature("b", square(1, 0))
LINE = {**B, "geometry": mapping(square(1, 0).boundary)}
NAMED = feature("c", square(2, 0), parent_name="Centre")
PROJECTED = feature("b", square(4_000_000, 0))
BREAKS: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "cells.missing_id": (("  ,52.05,13.05,,,,,,",), ()),
    "cells.invalid_degrees": (("c3,92.05,13.05,,,,,,",), ()),
    "cells.invalid_time": (("c3,52.05,13.05,soon,,,,,",), ()),
    "cells.backward_validity": (("c3,52.05,13.05,2026-02-01,2026-01-01,,,,",), ()),
    "cells.contradictory_versions": (("c1,52.06,13.05,2026-01-01,,,,,",), ()),
    "cells.azimuth": (("c3,52.05,13.05,,,361,,,",), ()),
    "cells.range_m": (("c3,52.05,13.05,,,,far,,",), ()),
    "cells.height_m": (("c3,52.05,13.05,,,,,-1,",), ()),
    "cells.beam_width": (("c3,52.05,13.05,,,,,,,0,",), ()),
    "cells.power_w": (("c3,52.05,13.05,,,,,,,,lots",), ()),
    "cells.technology": (("c3,52.05,13.05,,,,,,smoke signals",), ()),
    "zones.no_properties": ((), ({**B, "properties": None},)),
    "zones.invalid_id": ((), (feature("b", square(1, 0), parent_id=""),)),
    "zones.invalid_property": ((), (feature("b", square(1, 0), area_type=7),)),
    "zones.invalid_sensitive": ((), (feature("b", square(1, 0), sensitive="true"),)),
    "zones.invalid_geometry": ((), (LINE,)),
    "zones.not_wgs84": ((), (PROJECTED,)),
    "zones.duplicate_id": ((), (feature("a", square(1, 0)),)),
    "zones.district_names": ((), (feature("b", square(1, 0), parent_name="Mitte"), NAMED)),
    "zones.overlap": ((), (feature("b", square(0.5, 0)),)),
    "zones.sensitive_unmerged": ((), (feature("b", square(1, 0), "d2", sensitive=True),)),
}
WHOLE = {
    "cells.none_valid": ("c1,52.05,13.05,2027-01-01,,,,,",),
    "cells.outside_zones": ("c1,13.05,52.05,,,,,,",),
}
"""Rules that fail where every row breaks them."""
WARN = [rule.code for rule in PLAN_RULES if rule.severity == "warning"]


def counted(folder: Path, cells: Any = CELLS, zones: Any = (A, B), checks: PlanChecks | None = None) -> dict[str, Any]:
    """(count, total, whether it fails) by rule."""
    checks = checks or PlanChecks()
    (folder / "zones.geojson").write_text(json.dumps({"features": zones}))
    (folder / "cells.csv").write_text(
        "\n".join([HEAD + MORE, *(row if row.count(",") == 10 else f"{row},," for row in cells)])
    )
    load_plans(folder, DAY, TIME, shipped(), checks)
    return by_rule(checks)


def by_rule(checks: PlanChecks) -> dict[str, Any]:
    return {each.rule.code: (each.count, each.total, each.fails) for each in checks.measures}


def test_each_rule_is_broken_here() -> None:
    codes = {rule.code for rule in PLAN_RULES}
    assert codes == {*BREAKS, *WHOLE, "cells.too_many"}


def test_a_right_plan_is_counted_by_every_rule_and_breaks_none(tmp_path: Path) -> None:
    found = counted(tmp_path)
    assert set(found) == {rule.code for rule in PLAN_RULES}
    assert {code: count for code, (count, _, _) in found.items() if count} == {"cells.outside_zones": 1}
    assert not any(fails for _, _, fails in found.values())


@pytest.mark.parametrize("code", sorted({*BREAKS} - {*WARN}))
def test_a_plan_that_breaks_a_rule_is_refused_by_its_code_alone(tmp_path: Path, code: str) -> None:
    (cells, zones), checks = BREAKS[code], PlanChecks()
    with refused(code):
        counted(tmp_path, (*CELLS, *cells), (A, *(zones or (B,))), checks)
    assert {rule: found for rule, found in by_rule(checks).items() if found[2]} == {code: (1, checks_total(code), True)}


def checks_total(code: str) -> int:
    """Of how many: three cells and one more, or two zones of one district; one of the latter is sensitive."""
    if code.startswith("cells."):
        return 4
    return 1 if code in ("zones.overlap", "zones.sensitive_unmerged", "zones.district_names") else 2


@pytest.mark.parametrize("code", WARN)
def test_a_value_of_an_optional_column_warns(tmp_path: Path, code: str) -> None:
    found = counted(tmp_path, (*CELLS, *BREAKS[code][0]))
    assert {rule: each for rule, each in found.items() if each[2]} == {code: (1, 4, True)}


@pytest.mark.parametrize("code", WHOLE)
def test_a_rule_on_all_cells_fails_where_the_last_one_breaks_it(tmp_path: Path, code: str) -> None:
    assert not counted(tmp_path, (*WHOLE[code], CELLS[1]))[code][2]
    with refused(code):
        counted(tmp_path, WHOLE[code])


def test_more_cells_than_a_key_can_hold_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.mobility.cells.CELLS", 1)
    checks = PlanChecks()
    with refused("cells.too_many"):
        counted(tmp_path, checks=checks)
    assert by_rule(checks)["cells.too_many"] == (2, 3, True)


def test_all_faults_of_both_plans_are_found_at_once(tmp_path: Path) -> None:
    checks = PlanChecks()
    bad = feature("b", square(1, 0), parent_id="", sensitive=1, area_type=7)
    with pytest.raises(RejectedInput) as error:
        counted(tmp_path, (*CELLS, ",92,13,soon,,,,,"), (A, bad), checks)
    failing = {rule for rule, (_, _, fails) in by_rule(checks).items() if fails}
    assert failing == {
        *("zones.invalid_id", "zones.invalid_property", "zones.invalid_sensitive"),
        *("cells.missing_id", "cells.invalid_degrees", "cells.invalid_time"),
    }
    assert error.value.code == "zones.invalid_id"
    assert error.value.what.count("(zone b)") == 3


def test_a_plan_without_one_right_zone_is_refused(tmp_path: Path) -> None:
    with refused("zones.invalid_geometry"):
        counted(tmp_path, zones=(LINE,))


def test_a_row_of_a_part_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text(json.dumps({"features": [A, B]}))
    for name, latitude in (("1", 52.05), ("2", 152.05)):
        (tmp_path / "cells").mkdir(exist_ok=True)
        (tmp_path / "cells" / f"{name}.csv").write_text(f"{HEAD}\nc{name},{latitude},13.05,,,,,,\n")
    with refused("cells.invalid_degrees") as error:
        load_plans(tmp_path, DAY, TIME)
    assert "row 1 of 2.csv" in error.value.what


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([b"\xff"]), pa.array(["x"]).dictionary_encode()], ids=str)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_optional_column_may_be_of_any_type(tmp_path: Path, name: str, column: Any) -> None:
    (tmp_path / "zones.geojson").write_text(json.dumps({"features": [A, B]}))
    place = {"cell_id": ["c"], "latitude": [52.05], "longitude": [13.05], "valid_from": [DAY], "valid_to": pa.nulls(1)}
    pq.write_table(pa.table({**place, name: column}), tmp_path / "cells.parquet")
    checks = PlanChecks()
    load_plans(tmp_path, DAY, TIME, shipped(), checks)
    assert by_rule(checks)[f"cells.{name}"] == (1, 1, True)
    assert len(checks.warnings) == 1


def test_an_optional_column_may_be_there_twice(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text(json.dumps({"features": [A, B]}))
    (tmp_path / "cells.csv").write_text(f"{HEAD},Azimuth\n{CELLS[0]},far\n")
    load_plans(tmp_path, DAY, TIME)
