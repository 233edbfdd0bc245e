"""Nine intervals in ten hold the truth: over all cells before suppression, with production noise, reconciled."""

import math
from decimal import Decimal

import numpy as np
import pytest

from tasks.interval import Z90
from tasks.privacy.bounds import Contributions, LevelRule
from tasks.privacy.consistency import Relation
from tasks.privacy.noise import production_noise
from tasks.privacy.protect import KeyFacts, protect

ZONES, DISTRICTS, HOURS, CELLS = 180, 12, 24, 18
RULES = (LevelRule("zone_hour", Decimal(32), 24, None), LevelRule("district", Decimal(64), 24, None))
GROUP = np.arange(ZONES) % DISTRICTS
RELATION = Relation(
    "zone_hour",
    "district",
    (GROUP[:, None] * HOURS + np.arange(HOURS)).ravel(),
    np.repeat(np.arange(DISTRICTS * HOURS), CELLS),
)


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Persons by zone and hour from none to thousands, and the same persons by district, hour and 18 cells."""
    random = np.random.default_rng(11)
    zones = np.rint(random.pareto(1.2, (ZONES, HOURS)) * 40).astype(np.int64)
    districts = np.zeros((DISTRICTS, HOURS), dtype=np.int64)
    np.add.at(districts, GROUP, zones)
    return zones, random.multinomial(districts, random.dirichlet(np.ones(CELLS)))


@pytest.fixture(scope="module")
def errors() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Per level: estimate minus truth, and the stated standard error."""
    zones, cells = truth()
    sums = [Contributions("zone_hour", zones, 24), Contributions("district", cells, 24)]
    table = protect(sums, RULES, KeyFacts({}, relations=[RELATION]), production_noise()).table
    off = table["value"].to_numpy() - np.concatenate([zones.ravel(), cells.ravel()])
    assert np.array_equal(table["low"].to_numpy() <= table["high"].to_numpy(), np.ones(len(off), dtype=bool))
    split, se = zones.size, table["se"].to_numpy()
    return {"zone_hour": (off[:split], se[:split]), "district": (off[split:], se[split:])}


def covered(off: np.ndarray, se: np.ndarray) -> float:
    return float(np.mean(np.abs(off) <= Z90 * se))


def tolerance(cells: int) -> float:
    return 5 * math.sqrt(0.9 * 0.1 / cells)


@pytest.mark.parametrize("level", ["zone_hour", "district"])
def test_nine_intervals_in_ten_hold_the_truth(errors: dict[str, tuple[np.ndarray, np.ndarray]], level: str) -> None:
    off, se = errors[level]
    assert abs(covered(off, se) - 0.9) < tolerance(off.size)


@pytest.mark.parametrize("level", ["zone_hour", "district"])
def test_a_standard_error_a_fifth_too_small_would_be_noticed(
    errors: dict[str, tuple[np.ndarray, np.ndarray]], level: str
) -> None:
    off, se = errors[level]
    assert covered(off, se / 1.2) < 0.9 - tolerance(off.size)


@pytest.mark.parametrize("level", ["zone_hour", "district"])
def test_estimates_have_no_bias(errors: dict[str, tuple[np.ndarray, np.ndarray]], level: str) -> None:
    off, se = errors[level]
    assert abs(off.mean()) / (se.mean() / math.sqrt(off.size)) < 6


def test_empty_and_crowded_cells_are_covered_alike(errors: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    off, se = errors["zone_hour"]
    crowded = truth()[0].ravel() > 40
    for some in (crowded, ~crowded):
        assert abs(covered(off[some], se[some]) - 0.9) < tolerance(int(some.sum()))
