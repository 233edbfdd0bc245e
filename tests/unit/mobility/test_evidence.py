"""Evidence of cells for zones, from public plans."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numba import typeof

from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.day import Evidence
from tasks.mobility.evidence import ServedAreas, evidence, evidence_table, plan_evidence, stored_evidence
from tests.unit.mobility.test_coverage import EMPTY, IN_A, IN_B, plans
from tests.unit.mobility.test_plans import ALWAYS, IN_HOSPITAL, IN_LONG, IN_SHORT
from tests.unit.mobility.test_plans import plans as with_hospital

WEST, EAST, NORTH, OUTSIDE = 0, 1, 2, -1
FULL = round(64 * np.log(100))


def rows(zone: list[int], *served: tuple[int, int, float], alone: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Cell, zone, weight."""
    cell, place, area = np.array(served or np.empty((0, 3))).T
    areas = ServedAreas(cell.astype(int), place.astype(int), area)
    return triples(evidence(np.array(zone, np.int32), areas, np.isin(np.arange(3), alone)))


def triples(found: Evidence) -> list[tuple[int, ...]]:
    return [tuple(row.values()) for row in evidence_table(found).to_pylist()]


def test_a_cell_speaks_for_zones_by_the_area_that_it_serves_in_them() -> None:
    found = rows([WEST, EAST], (0, WEST, 50.0), (0, EAST, 200.0), (1, EAST, 7.0))
    assert found == [(0, WEST, round(64 * np.log(25))), (0, EAST, FULL), (1, EAST, FULL)]


def test_a_hundredth_of_the_largest_part_says_nothing() -> None:
    assert rows([WEST, EAST], (0, WEST, 100.0), (0, EAST, 1.0), (1, EAST, 1.0)) == [(0, WEST, FULL), (1, EAST, FULL)]


def test_a_cell_without_a_served_area_speaks_for_its_own_zone_and_one_outside_for_none() -> None:
    assert rows([OUTSIDE, NORTH]) == [(1, NORTH, FULL)]
    assert rows([OUTSIDE, WEST], (0, WEST, 9.0), (1, WEST, 9.0)) == [(1, WEST, FULL)]


def test_no_cell_speaks_for_a_zone_that_has_none() -> None:
    assert rows([WEST], (0, WEST, 1.0), (0, EAST, 9.0)) == [(0, WEST, FULL)]


def test_for_some_zones_only_their_own_cells_speak() -> None:
    served = (0, WEST, 1.0), (0, EAST, 1.0), (1, WEST, 1.0), (1, EAST, 1.0)
    assert rows([WEST, EAST], *served, alone=(WEST,)) == [(0, WEST, FULL), (0, EAST, FULL), (1, EAST, FULL)]


def test_evidence_is_stored_and_read_as_it_is() -> None:
    found = evidence(np.array([OUTSIDE, EAST, WEST], np.int32))
    again = stored_evidence(evidence_table(found), 3)
    assert [column.tolist() for column in again] == [column.tolist() for column in found]


def test_kernels_take_evidence_that_was_stored_as_evidence_that_was_made(tmp_path: Path) -> None:
    found = evidence(np.array([OUTSIDE, EAST, WEST], np.int32))
    pq.write_table(evidence_table(found), tmp_path / "evidence.parquet")
    again = stored_evidence(pq.ParquetFile(tmp_path / "evidence.parquet").read(), 3)
    kinds = map(typeof, (found, again))  # of two kinds, a walk would be compiled twice
    assert len(set(kinds)) == 1


def test_a_cell_near_a_border_speaks_for_both_zones_and_most_for_that_which_it_serves(tmp_path: Path) -> None:
    eastwards = ",,,90,,,,,"
    made = plans(tmp_path, IN_A + eastwards, "a2,52.05,13.099" + eastwards, IN_B + EMPTY)
    found = plan_evidence(made, confusion(Coverage(made)).served)
    weights = {(made.cells.cell_id[cell], zone): weight for cell, zone, weight in triples(found)}
    assert weights["a2", EAST] == FULL > weights["a2", WEST] > 0
    assert weights["b1", EAST] == FULL


def test_near_a_sensitive_zone_that_counts_nowhere_no_other_cells_speak_for_its_taker(tmp_path: Path) -> None:
    made = with_hospital(tmp_path, IN_HOSPITAL + ALWAYS, IN_LONG + ",2026-03-02T06:00,", IN_SHORT + ALWAYS)
    found = plan_evidence(made, confusion(Coverage(made)).served)
    taker = made.zones.zone_ids.index("l")
    assert made.not_counted == ("h",)
    assert [made.cells.cell_id[cell] for cell, zone, _ in triples(found) if zone == taker] == ["c2"]
