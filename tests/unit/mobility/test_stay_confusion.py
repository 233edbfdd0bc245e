"""The confusion matrix of stays, beside a plain twin that tries every pair of cells in every tile."""

from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.day import Evidence
from tasks.mobility.evidence import plan_evidence
from tasks.mobility.plans import Plans
from tasks.mobility.radio import MODELS
from tasks.mobility.stay_confusion import stay_confusion
from tests.unit.mobility.test_coverage import EMPTY, IN_A, IN_B, plans, rows

NEAR_BORDER, OUTSIDE = "b2,52.05,13.101", "d1,52.05,12.999"


def twin(made: Plans, evidence: Evidence, model: Any) -> Any:
    """[assigned zone, true zone]."""
    zones = len(made.zones.zone_ids)
    columns = np.zeros((zones + 1, zones))
    for chunk in Coverage(made).chunks(128):
        radio, footprint = chunk.shares(model)
        for cells, by_radio, by_footprint in zip(chunk.cells, radio, footprint, strict=True):
            serving = [*zip(cells, by_radio, strict=True), *zip(chunk.footprint_cells, by_footprint, strict=True)]
            for (one, p), (other, q) in product(serving, repeat=2):
                columns[counted(one, other, made, evidence), chunk.zone] += p * q
    return columns / columns.sum(axis=0)


def counted(one: int, other: int, made: Plans, evidence: Evidence) -> int:
    """The zone for which two cells speak most."""
    weights = Counter[int]()
    for cell in (one, other):
        for row in range(evidence.start[cell], evidence.start[cell + 1]):
            weights[int(evidence.zone[row])] += int(evidence.weight[row])
    if made.cells.zone[one] == made.cells.zone[other] == -1:
        return len(made.zones.zone_ids)
    return min(weights, key=lambda zone: (-weights[zone], zone))


@pytest.mark.parametrize("footprints", [None, rows(("b1", "a", 0.3), ("b1", "b", 0.9))])
def test_stays_are_counted_where_two_cells_of_a_tile_speak_for(tmp_path: Path, footprints: Any) -> None:
    cells = [cell + EMPTY for cell in (IN_A, IN_B, NEAR_BORDER, OUTSIDE)]
    made = plans(tmp_path, *cells, footprints=footprints)
    evidence = plan_evidence(made, confusion(Coverage(made)).served)
    found = stay_confusion(Coverage(made), evidence)
    for number in (0, 3):
        assert found.matrix(number) == pytest.approx(twin(made, evidence, MODELS[number]), abs=2e-3)
    assert found.matrix().sum(axis=0) == pytest.approx(1, abs=1e-9)
    assert found.matrix()[2, 0] > 0, "some stays in zone a use the cell outside alone"


def test_stays_in_a_zone_that_no_cell_covers_are_counted_outside(tmp_path: Path) -> None:
    made = plans(tmp_path, "a1,52.05,13.02,,,,,900,,,")
    found = stay_confusion(Coverage(made), plan_evidence(made, confusion(Coverage(made)).served))
    assert found.matrix().T.tolist() == [[1, 0, 0], [0, 0, 1]]
