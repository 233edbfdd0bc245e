"""What `throng coverage` says and draws of two plans."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.cli.coverage import _lines, _row
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.coverage_map import MOST_NAMES, UNCOVERED, best_zone, coverage_svg
from tasks.mobility.coverage_report import CoverageReport, coverage_report
from tasks.mobility.plans import Plans
from tests.unit.mobility.test_coverage import EMPTY, IN_A, IN_B, A, B, C, plans, rows
from tests.unit.mobility.test_zones import feature, square

SVG = "{http://www.w3.org/2000/svg}"


def report(made: Plans, people: Any = None) -> CoverageReport:
    return coverage_report(made, confusion(Coverage(made)), people, np.ones(len(made.zones.zone_ids)))


def test_a_zone_has_its_cells_its_shares_and_where_else_its_persons_count(tmp_path: Path) -> None:
    given = rows(("a1", "a", 0.9), ("b1", "a", 0.1), ("b1", "b", 0.6), ("a1", "b", 0.4))
    made = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given)
    a, b = report(made).zones
    assert (a.zone_id, a.name, a.covered, a.cells) == ("a", "Zone a", 1.0, 1)
    assert [a.counted_here, a.truly_here] == pytest.approx([0.9, 0.9 / 1.3])
    ((other, share),) = b.counted_in
    assert other == "a"
    assert share == pytest.approx(0.4)
    weighted = report(made, np.array([300.0, 100.0]))
    assert weighted.zones[0].truly_here == pytest.approx(270 / 310)
    assert (report(made).weighted_by, weighted.weighted_by) == ("area", "residents")


def test_what_no_cell_states_of_its_antenna_is_said_unless_all_have_footprints(tmp_path: Path) -> None:
    assert report(plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY)).unstated == ("azimuth", "power_w", "height_m")
    some = report(plans(tmp_path, IN_A + ",,,120,65,4000,,40,LTE", IN_B + EMPTY))
    assert some.unstated == ("height_m",)
    (said,) = [line for line in _lines(some) if "No cell states" in str(line)]
    assert "height_m" in said
    given = rows(("a1", "a", 0.9), ("b1", "b", 0.6))
    whole = report(plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given))
    assert whole.unstated == ()
    assert not [line for line in _lines(whole) if "No cell states" in str(line)]


def test_zones_that_count_few_of_their_persons_are_named(tmp_path: Path) -> None:
    given = rows(("a1", "a", 0.9), ("b1", "a", 0.1), ("b1", "b", 0.6), ("a1", "b", 0.4))
    found = report(plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given))
    assert found.unclear == ("b",)
    assert any("1 of 2 zones" in str(line) for line in _lines(found))


def test_a_zone_without_residents_has_nobody_to_compare_with(tmp_path: Path) -> None:
    given = rows(("a1", "a", 0.9), ("b1", "a", 0.1), ("b1", "b", 0.6), ("a1", "b", 0.4))
    made = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=given)
    a, b = report(made, np.array([300.0, 0.0])).zones
    assert (a.truly_here, a.residents) == (1.0, True)
    assert (b.truly_here, b.residents) == (None, False)
    assert [_row(zone)["counted persons truly here"] for zone in (a, b)] == ["100.0%", "no residents"]


def test_an_uncovered_zone_is_named_and_confuses_no_other(tmp_path: Path) -> None:
    found = report(plans(tmp_path, "a1,52.05,13.05,,,,,2000,,,", zones=(A, C)))
    assert (found.uncovered, found.unclear) == (("c",), ())
    assert found.zones[0].truly_here == 1
    assert found.zones[1].truly_here is None
    assert found.zones[1].counted_in == (("outside", 1.0),)


def test_zones_of_one_cell_are_a_pair(tmp_path: Path) -> None:
    found = report(plans(tmp_path, IN_A + EMPTY))
    assert [pair[:2] for pair in found.alike] == [("a", "b")]
    assert (found.uncovered, found.without_cell) == ((), ("b",))


def test_the_best_server_of_a_tile_is_the_cell_with_the_largest_share(tmp_path: Path) -> None:
    made = plans(tmp_path, "a1,52.05,13.05,,,,,2000,,,", "x,52.05,12.99,,,,,2000,,,", zones=(A,))
    chunks = list(Coverage(made).chunks())
    found = np.concatenate([best_zone(chunk, made.cells.zone) for chunk in chunks])
    assert {*found.tolist()} == {0, -1, UNCOVERED}
    footprint = plans(tmp_path, IN_A + EMPTY, IN_B + EMPTY, footprints=rows(("b1", "a", 0.9)))
    first = next(Coverage(footprint).chunks())
    assert {*best_zone(first, footprint.cells.zone).tolist()} == {1}


def test_the_map_is_svg_with_names_hatching_and_a_scale(tmp_path: Path) -> None:
    made = plans(tmp_path, "a1,52.05,13.05,,,,,2000,,,", zones=(A, B, C))
    root = ET.fromstring(coverage_svg(Coverage(made)))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert texts[:3] == ["a", "b", "c"]
    assert "1 km; north is up" in texts
    assert sum(each.get("fill") == "url(#uncovered)" for each in root.iter(f"{SVG}rect")) > 10
    assert len(list(root.iter(f"{SVG}circle"))) == 2, "one site, and its sample in the legend"


def test_a_map_of_very_many_zones_has_no_names_and_a_small_one_a_scale_in_metres(tmp_path: Path) -> None:
    zones = [feature(f"z{n}", square(n / 100, 0, 0.001, 0.001)) for n in range(MOST_NAMES + 1)]
    texts = [
        e.text
        for e in ET.fromstring(
            coverage_svg(Coverage(plans(tmp_path, IN_A + EMPTY, "z,52.0005,13.0005" + EMPTY, zones=zones)))
        ).iter(f"{SVG}text")
    ]
    assert "z0" not in texts
    tiny = [feature("t", square(0, 0, 0.002, 0.002))]
    svg = coverage_svg(Coverage(plans(tmp_path, "z,52.001,13.001" + EMPTY, zones=tiny)))
    assert " m; north is up" in svg


def test_the_command_answers_from_a_folder_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THRONG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    plans(tmp_path, IN_A + EMPTY)
    (tmp_path / "events").mkdir()
    run = CliRunner().invoke(app, ["coverage", str(tmp_path), "--svg", "map.svg", "--json"])
    assert run.exit_code == 0
    document = json.loads(run.stdout)
    assert [zone["zone_id"] for zone in document["zones"]] == ["a", "b"]
    assert document["alike"][0][:2] == ["a", "b"]
    assert (tmp_path / "map.svg").read_text().startswith("<svg")
    text = CliRunner().invoke(app, ["coverage", str(tmp_path)])
    assert "a and b" in text.stdout
    failed = CliRunner().invoke(app, ["coverage", str(tmp_path), "--svg", str(tmp_path), "--json"])
    assert (failed.exit_code, json.loads(failed.stdout)["code"]) == (40, "coverage.not_written")
