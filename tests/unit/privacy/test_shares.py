"""Shares of totals: what they are parts of, where there is none, and that their intervals hold the true share."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tasks.privacy.bounds import Contributions, LevelRule
from tasks.privacy.derived import StoredRelease, derive
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.protect import KeyFacts, protect
from tasks.privacy.release_table import KeyStatuses
from tests.unit.privacy.sources import Seeded, Silence

RULE = LevelRule("zone_days", Decimal(36), 16, 108)
DAYS = ["1", "2-3", "4-7", "8+"]
WITHIN = {"zone_days": ("zone_id",)}


def keys(zones: int) -> dict[str, pa.Table]:
    ids = np.repeat([f"Z{n:04}" for n in range(zones)], len(DAYS))
    return {"zone_days": pa.table({"zone_id": ids, "days": DAYS * zones})}


def drawn(truth: np.ndarray, noise: Silence | Seeded, statuses: KeyStatuses = ()) -> pa.Table:
    sums = Contributions("zone_days", truth.astype(np.int64), 16)
    facts = KeyFacts(keys(len(truth)), {"zone_days": statuses}, share_within=WITHIN)
    return protect([sums], [RULE], facts, noise).table


def test_a_share_is_a_part_of_the_zones_total_that_withheld_values_belong_to() -> None:
    table = drawn(np.array([[600, 300, 60, 40], [0, 900, 0, 100]]), Silence())
    assert table.column_names[-3:] == ["share", "share_low", "share_high"]
    assert table["share"].to_pylist() == [0.6, 0.3, None, None, None, 0.9, None, None]
    assert table["status"].to_pylist()[2] == "withheld_small"
    row = table.to_pylist()[0]
    error = np.sqrt((1 - 1.2) * 36**2 + 0.36 * 4 * 36**2) / 1000
    assert row["share_high"] - row["share"] == pytest.approx(1.6448536 * error)
    assert row["share"] - row["share_low"] == pytest.approx(1.6448536 * error)


def test_an_interval_of_a_share_ends_at_nothing_and_at_all() -> None:
    (row, *_) = drawn(np.array([[300, 0, 0, 0]]), Silence()).to_pylist()
    assert (row["share"], row["share_high"]) == (1.0, 1.0)
    assert row["share_low"] < 1


def test_a_total_below_three_standard_errors_has_no_shares() -> None:
    just, below = np.array([[216, 0, 0, 0]]), np.array([[215, 0, 0, 0]])
    assert drawn(just, Silence())["share"].to_pylist()[0] == 1.0, "3 x 36 x sqrt(4) is 216"
    assert drawn(below, Silence())["share"].to_pylist() == [None] * 4
    assert drawn(below, Silence())["status"].to_pylist()[0] == "estimate"


def test_a_key_that_a_public_status_hides_is_in_no_total() -> None:
    hidden = np.array([[False, True, False, False]])
    table = drawn(np.array([[500, 9000, 500, 0]]), Silence(), [("no_coverage", hidden)])
    assert table["share"].to_pylist() == [0.5, None, 0.5, None]


def test_90_of_100_intervals_hold_the_true_share() -> None:
    sizes = np.exp(np.random.default_rng(7).uniform(5.5, 8.5, (8_000, len(DAYS)))).round()
    table = drawn(sizes, Seeded(11))
    low, high = (table[name].to_numpy().reshape(sizes.shape) for name in ("share_low", "share_high"))
    true = sizes / sizes.sum(axis=1, keepdims=True)
    held = (low <= true) & (true <= high)
    assert np.isfinite(low).mean() > 0.99
    for least, most in ((0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 1), (0, 1)):
        cells = np.isfinite(low) & (least < true) & (true <= most)
        assert cells.sum() > 500
        assert 0.88 < held[cells].mean() < 0.92


def test_derived_levels_have_shares_too_and_other_levels_have_none() -> None:
    values = np.array([75.0, 25.0, 0.0, 0.0])
    level = DerivedLevel(Measured(values, np.ones(4)))
    release = StoredRelease("a", "1", pa.table({}), {}, ())
    tables = keys(1) | {"zone": pa.table({"zone_id": ["Z0000"]})}
    names = {name: lambda _, table=table: table for name, table in tables.items()}
    total = DerivedLevel(Measured(np.array([100.0]), np.ones(1)))
    made = derive([release], lambda _: {"zone_days": level, "zone": total}, names, WITHIN).table
    assert made["share"].to_pylist() == [0.75, 0.25, 0.0, 0.0, None]
    assert made["days"].to_pylist() == [*DAYS, None]


def test_levels_without_shares_have_no_such_columns() -> None:
    sums = Contributions("zone_days", np.full((1, 4), 500), 16)
    assert "share" not in protect([sums], [RULE], KeyFacts(keys(1)), Silence()).table.column_names
