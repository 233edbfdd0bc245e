import copy
import dataclasses
import pickle
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import StepFailed
from tasks.privacy import protect as module
from tasks.privacy.bounds import Contributions, LevelRule
from tasks.privacy.consistency import Relation
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.noise import Noise
from tasks.privacy.protect import KeyFacts, LaterStage, ProtectedCounts, SparseFacts, Summarise
from tasks.privacy.release_table import KeyStatuses
from tests.unit.privacy.sources import Seeded, Silence

FINE = LevelRule("fine", Decimal(32), 24, 96)
COARSE = LevelRule("coarse", Decimal(64), 24, None)
PAIRS = dataclasses.replace(FINE, name="pairs")
RELATION = Relation("fine", "coarse", np.array([0, 1, 0, 1, 2, 3]), np.repeat(np.arange(4), 6))


def fine(values: list[list[int]], bound: int = 24) -> Contributions:
    return Contributions("fine", np.array(values, dtype=np.int64), bound)


def coarse() -> Contributions:
    return Contributions("coarse", np.full((2, 2, 3, 2), 50, dtype=np.int64), 24)


def zones(n: int, **more: list[str]) -> pa.Table:
    return pa.table({"zone_id": [f"Z{i}" for i in range(n)], **more})


def some(chosen: list[int], level: str = "fine") -> Contributions:
    """Sums of chosen keys."""
    return Contributions(level, np.full(len(chosen), 200), 24, 1, np.array(chosen, dtype=np.int64))


def with_pairs(chosen: list[int]) -> tuple[ProtectedCounts, Silence]:
    """A later stage of chosen pairs, and the source of its noise."""
    noise = Silence()
    made = protect(
        [coarse()],
        [COARSE, PAIRS],
        {},
        noise,
        later=[lambda drawn: [some(chosen, "pairs")]],
        sparse=lambda chosen: KeyFacts({"pairs": pa.table({"pair": chosen["pairs"]})}),
    )
    return made, noise


def protect(
    contributions: Sequence[Contributions],
    rules: Sequence[LevelRule],
    keys: Mapping[str, pa.Table],
    noise: Noise,
    relations: Sequence[Relation] = (),
    statuses: Mapping[str, KeyStatuses] | None = None,
    later: Sequence[LaterStage] = (),
    sparse: SparseFacts | None = None,
    summarise: Summarise | None = None,
) -> ProtectedCounts:
    facts = KeyFacts(keys, statuses or {}, {}, relations)
    return module.protect(contributions, rules, facts, noise, later, sparse, summarise)


def test_numbers_come_with_standard_error_and_90_percent_interval() -> None:
    table = protect([fine([[200]])], [FINE], {"fine": zones(1)}, Silence()).table
    (row,) = table.to_pylist()
    assert (row["level"], row["zone_id"], row["value"], row["se"]) == ("fine", "Z0", 200.0, 32.0)
    assert row["status"] == "estimate"
    assert row["low"] == pytest.approx(200 - 1.6448536 * 32)
    assert row["high"] == pytest.approx(200 + 1.6448536 * 32)


def test_noise_is_asked_for_by_the_rule_in_one_draw_a_level_over_all_keys_zeros_too() -> None:
    noise = Silence()
    protect([fine([[0, 0], [5, 0], [0, 0]]), coarse()], [FINE, COARSE], {}, noise)
    assert noise.asked == [(Decimal(32), 1, 6), (Decimal(64), 1, 24)]


def test_small_noisy_values_are_marked_and_kept_for_what_is_derived_from_them() -> None:
    rows = protect([fine([[95, 96, 0]])], [FINE], {"fine": zones(3)}, Silence()).table.to_pylist()
    assert [row["status"] for row in rows] == ["withheld_small", "estimate", "withheld_small"]
    assert [row["value"] for row in rows] == [95, 96, 0]


def test_suppression_looks_at_the_noisy_value_alone() -> None:
    truth = np.full((1, 2_000), 96, dtype=np.int64)
    rule = dataclasses.replace(FINE, threshold=None)
    shown = protect([Contributions("fine", truth, 24)], [FINE], {}, Seeded(5)).table
    noisy = protect([Contributions("fine", truth, 24)], [rule], {}, Seeded(5)).table["value"].to_numpy()
    withheld = np.array(shown["status"].to_pylist()) == "withheld_small"
    np.testing.assert_array_equal(withheld, noisy < 96)
    assert 0.4 < withheld.mean() < 0.6
    np.testing.assert_array_equal(shown["value"].to_numpy(), noisy)


def test_a_summary_sees_the_noisy_numbers_before_small_ones_are_withheld() -> None:
    def total(drawn: Mapping[str, Measured]) -> dict[str, DerivedLevel]:
        values = drawn["fine"].values.sum(axis=1)
        interval = (values - 1, values + 40)
        small = [("withheld_small", values < 100)]
        return {"total": DerivedLevel(Measured(values, drawn["fine"].variances.sum(axis=1)), small, interval)}

    keys = {"fine": zones(4), "total": zones(2)}
    table = protect([fine([[90, 20], [40, 50]])], [FINE], keys, Silence(), summarise=total).table
    rows = table.filter(pa.compute.equal(table["level"], "total")).to_pylist()
    assert [(row["zone_id"], row["value"], row["low"], row["high"], row["status"]) for row in rows] == [
        ("Z0", 110, 109, 150, "estimate"),
        ("Z1", 90, 89, 130, "withheld_small"),
    ]
    assert rows[0]["se"] == pytest.approx(32 * 2**0.5)


def test_without_a_threshold_every_value_is_shown_even_a_negative_one() -> None:
    rule = LevelRule("rows", Decimal(9051), 16384, None)
    table = protect([Contributions("rows", np.zeros(40, np.int64), 16384, 64)], [rule], {}, Seeded(1)).table
    assert table.column_names == ["level", "value", "se", "low", "high", "status"]
    assert table["value"].null_count == 0
    assert min(table["value"].to_pylist()) < 0


def test_weighted_sums_are_given_in_persons() -> None:
    rule = LevelRule("rows", Decimal(10), 4, None)
    noise = Silence()
    (row,) = protect([Contributions("rows", np.array([96]), 4, 64)], [rule], {}, noise).table.to_pylist()
    assert (row["value"], row["se"]) == (1.5, 10.0)
    assert noise.asked == [(Decimal(10), 64, 1)]


def test_known_statuses_come_first_in_their_order_and_hide_the_numbers() -> None:
    uncovered, empty = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    known = {"fine": [("no_coverage", uncovered), ("incomplete", empty)]}
    table = protect([fine([[500, 500, 500, 500]])], [FINE], {}, Silence(), statuses=known).table
    assert table["status"].to_pylist() == ["no_coverage", "no_coverage", "incomplete", "estimate"]
    assert table["value"].to_pylist() == [None, None, None, 500.0]


def test_levels_stand_one_after_the_other_with_the_union_of_their_keys() -> None:
    keys = {"fine": zones(6), "coarse": pa.table({"gender": ["f", "m"] * 12})}
    table = protect([fine([[1, 2]] * 3), coarse()], [FINE, COARSE], keys, Silence()).table
    assert table.column_names == ["level", "zone_id", "gender", "value", "se", "low", "high", "status"]
    assert table["level"].to_pylist() == ["fine"] * 6 + ["coarse"] * 24
    assert table["gender"].to_pylist()[:7] == [None] * 6 + ["f"]


def test_overlapping_levels_agree_afterwards_and_are_surer() -> None:
    rules = [dataclasses.replace(FINE, threshold=None), COARSE]
    made = protect([fine([[300, 1], [0, 2], [300, 300]]), coarse()], rules, {}, Seeded(3), [RELATION])
    values, errors = made.table["value"].to_numpy(), made.table["se"].to_numpy()
    parts, cells = values[:6].reshape(3, 2), values[6:].reshape(2, 2, 6)
    np.testing.assert_allclose(parts[0] + parts[1], cells[0].sum(axis=1))
    np.testing.assert_allclose(parts[2], cells[1].sum(axis=1))
    assert np.all(errors[:6] < 32)
    assert np.all(errors[6:] < 64)
    assert made.rules == tuple(rules)


def test_after_an_inequality_a_release_also_holds_the_values_before_it() -> None:
    rules = [dataclasses.replace(FINE, threshold=None), dataclasses.replace(COARSE, threshold=None)]
    more = Relation("fine", "coarse", np.zeros(2, np.int64), np.zeros(24, np.int64), at_least=True)
    table = protect([fine([[300, 0]]), coarse()], rules, {}, Silence(), [more]).table
    values, unbiased = (table[name].to_numpy() for name in ("value", "unbiased"))
    assert values[:2].sum() == pytest.approx(values[2:].sum())
    assert unbiased.tolist() == [300.0, 0.0, *[50.0] * 24]
    assert "unbiased" not in protect([fine([[300, 0]])], rules[:1], {}, Silence()).table.column_names


def test_a_later_stage_is_counted_from_the_noisy_levels_of_the_earlier_ones() -> None:
    seen: list[list[float]] = []

    def later(drawn: Mapping[str, Measured]) -> list[Contributions]:
        seen.append(drawn["fine"].values.ravel().tolist())
        return [coarse()]

    made = protect([fine([[1, 2]] * 3)], [FINE, COARSE], {}, Seeded(3), later=[later])
    assert made.table["level"].to_pylist() == ["fine"] * 6 + ["coarse"] * 24
    assert len(seen) == 1
    assert seen[0] != [1, 2] * 3


def test_a_later_stage_is_drawn_with_noise_of_its_own_rule() -> None:
    noise, levels = Silence(), ([fine([[1, 2]] * 3)], [FINE, COARSE])
    exact = protect(*levels, {}, noise, later=[lambda drawn: [coarse()]]).table
    assert noise.asked == [(Decimal(32), 1, 6), (Decimal(64), 1, 24)]
    noisy = protect(*levels, {}, Seeded(3), later=[lambda drawn: [coarse()]]).table
    errors = (noisy["value"].to_numpy() - exact["value"].to_numpy())[6:]
    assert 40 < np.std(errors) < 90
    assert noisy["se"].to_pylist()[6:] == [64] * 24


def test_a_sparse_level_is_drawn_for_the_chosen_keys_alone_and_made_consistent_with_the_others() -> None:
    noise, asked = Seeded(3), []

    def facts(chosen: Mapping[str, np.ndarray]) -> KeyFacts:
        asked.append({name: keys.tolist() for name, keys in chosen.items()})
        relation = Relation("coarse", "pairs", np.arange(24) // 12, np.array([0, 0, 1]))
        return KeyFacts({"pairs": pa.table({"pair": chosen["pairs"]})}, {}, {}, (relation,))

    rules = [dataclasses.replace(COARSE, threshold=None), dataclasses.replace(FINE, name="pairs", threshold=None)]
    made = protect([coarse()], rules, {}, noise, later=[lambda drawn: [some([3, 5, 900], "pairs")]], sparse=facts)
    rows = made.table.filter(pa.compute.equal(made.table["level"], "pairs"))
    assert rows["pair"].to_pylist() == [3, 5, 900]
    values = made.table["value"].to_numpy()
    assert values[:12].sum() == pytest.approx(values[24] + values[25])
    assert values[12:24].sum() == pytest.approx(values[26])
    assert asked == [{"pairs": [3, 5, 900]}]


def test_a_sparse_level_may_have_no_chosen_key() -> None:
    made, noise = with_pairs([])
    assert made.table["level"].unique().to_pylist() == ["coarse"]
    assert made.rules == (COARSE, PAIRS)
    assert noise.asked[1:] == [(PAIRS.sigma, 1, 0)]


def test_a_sparse_level_is_drawn_with_noise_of_its_own_rule() -> None:
    _, noise = with_pairs([3, 5])
    assert noise.asked == [(COARSE.sigma, 1, 24), (PAIRS.sigma, 1, 2)]


def test_a_later_stage_cannot_put_anything_into_what_was_drawn() -> None:
    def later(drawn: Mapping[str, Measured]) -> list[Contributions]:
        drawn["fine"].values[:] = 0
        return []

    with pytest.raises(ValueError, match="read-only"):
        protect([fine([[1, 2]])], [FINE], {}, Silence(), later=[later])


class _Broken:
    def __init__(self, drawn: np.ndarray) -> None:
        self.drawn = drawn

    def draw(self, sigma: Decimal, unit: int, size: int) -> np.ndarray:
        return self.drawn


@pytest.mark.parametrize("drawn", [np.zeros(1), np.zeros(2, np.int64), np.zeros(1, np.int32)])
def test_a_noise_source_that_gives_too_little_is_refused(drawn: np.ndarray) -> None:
    with pytest.raises(StepFailed, match="one int64 for each value"):
        protect([fine([[1]])], [FINE], {}, _Broken(drawn))


ONE = fine([[1, 2]])
REFUSED: dict[str, Callable[[Silence], object]] = {
    "keep bound 25, but 24": lambda s: protect([fine([[1]], bound=25)], [FINE], {}, s),
    "keep bound 23, but 24": lambda s: protect([fine([[1]], bound=23)], [FINE], {}, s),
    "same levels": lambda s: protect([ONE], [COARSE], {}, s),
    "same levels ": lambda s: protect([ONE], [FINE, COARSE], {}, s),
    "same levels  ": lambda s: protect([coarse(), ONE], [FINE, COARSE], {}, s),
    "listed twice": lambda s: protect([ONE, ONE], [FINE, FINE], {}, s),
    "2 values for 3 keys": lambda s: protect([ONE], [FINE], {"fine": zones(3)}, s),
    "may not be named": lambda s: protect([ONE], [FINE], {"fine": zones(2, status=["a", "b"])}, s),
    "truth value": lambda s: protect([ONE], [FINE], {}, s, statuses={"fine": [("incomplete", np.array([True]))]}),
    "truth value ": lambda s: protect([ONE], [FINE], {}, s, statuses={"fine": [("incomplete", np.array([[1, 0]]))]}),
    "one int64 group a key": lambda s: protect([ONE], [FINE], {}, s, [RELATION]),
    "chosen keys only": lambda s: protect([some([0, 1])], [FINE], {}, s),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_fit_together_is_refused_before_anything_is_drawn(words: str) -> None:
    noise = Silence()
    with pytest.raises(StepFailed, match=words.strip()):
        REFUSED[words](noise)
    assert not noise.asked


def test_protected_counts_are_made_by_protect_alone() -> None:
    made = protect([fine([[200]])], [FINE], {}, Silence())
    with pytest.raises(StepFailed, match="made by protect alone"):
        ProtectedCounts(made.table, made.rules, object())
    with pytest.raises(TypeError):
        ProtectedCounts(made.table, made.rules)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="InitVar"):
        dataclasses.replace(made, table=pa.table({"value": [1.0]}))  # type: ignore[call-arg]
    for way in (copy.copy, pickle.dumps):
        with pytest.raises(StepFailed, match="pickled or copied"):
            way(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.table = pa.table({})  # type: ignore[misc]
