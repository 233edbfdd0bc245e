"""Levels of the same persons agree in every group, by least squares."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import StepFailed
from tasks.privacy import block_matrix
from tasks.privacy.consistency import Relation, make_consistent
from tasks.privacy.measured import Measured

SIZES = {"one": 6, "two": 7, "three": 4, "four": 5}
sds = st.floats(1, 100)


def groups(*of: int) -> np.ndarray:
    return np.array(of, dtype=np.int64)


@st.composite
def relations(draw: st.DrawFn, at_least: bool = False) -> list[Relation]:
    """One to four relations between any of the levels, of one to three groups, some of them redundant."""
    pairs = st.permutations(sorted(SIZES)).map(lambda names: (names[0], names[1]))
    made = []
    for one, other in draw(st.lists(pairs, min_size=1, max_size=4)):
        count = draw(st.integers(1, 3))
        first, second = (_groups(draw, SIZES[name], count) for name in (one, other))
        made.append(Relation(one, other, first, second, at_least and draw(st.booleans())))
    return made


def _groups(draw: st.DrawFn, size: int, count: int) -> np.ndarray:
    others = draw(st.lists(st.integers(-1, count - 1), min_size=size - count, max_size=size - count))
    return groups(*draw(st.permutations([*range(count), *others])))


@st.composite
def noisy(draw: st.DrawFn) -> dict[str, Measured]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    by_name = {name: draw(sds) for name in SIZES}
    return {
        name: Measured(random.normal(20, sd, SIZES[name]), np.full(SIZES[name], sd**2)) for name, sd in by_name.items()
    }


class Dense:
    """By textbook: generalised least squares over the null space of all equations, with one large matrix."""

    def __init__(self, measured: Mapping[str, Measured], relations: Sequence[Relation], held: Sequence[bool]) -> None:
        self.measured, self.starts = measured, dict(zip(SIZES, np.cumsum([0, *SIZES.values()]), strict=False))
        self.values = np.concatenate([measured[name].values for name in SIZES])
        variances = np.concatenate([measured[name].variances for name in SIZES])
        self.weights, self.rows = np.diag(1 / variances), [row for each in relations for row in self._rows(each)]
        kept = [row for row, holds in zip(self.rows, held, strict=True) if holds]
        equations = np.array(kept).reshape(len(kept), self.values.size)
        _, singular, right = np.linalg.svd(equations)
        basis = right[int(np.sum(singular > 1e-9)) :].T
        self.covariance = basis @ np.linalg.inv(basis.T @ self.weights @ basis) @ basis.T
        self.found = self.covariance @ self.weights @ self.values

    def _rows(self, relation: Relation) -> list[np.ndarray]:
        rows = []
        for group in range(int(relation.first_groups.max()) + 1):
            row = np.zeros(self.values.size)
            for name, sign, of in (
                (relation.first, 1, relation.first_groups),
                (relation.second, -1, relation.second_groups),
            ):
                row[self.starts[name] : self.starts[name] + SIZES[name]] += sign * (of == group)
            rows.append(row)
        return rows

    def distance(self, values: np.ndarray) -> float:
        return float((values - self.values) @ self.weights @ (values - self.values))

    def of(self, name: str, whole: np.ndarray) -> np.ndarray:
        return whole[self.starts[name] : self.starts[name] + SIZES[name]]


def equations(given: Sequence[Relation]) -> int:
    return sum(int(relation.first_groups.max()) + 1 for relation in given)


@settings(max_examples=100, deadline=None)
@given(noisy(), relations())
def test_any_number_of_relations_is_solved_as_by_dense_generalised_least_squares(
    measured: dict[str, Measured], given: list[Relation]
) -> None:
    dense, made = Dense(measured, given, [True] * equations(given)), make_consistent(measured, given)
    for name in SIZES:
        np.testing.assert_allclose(made[name].values, dense.of(name, dense.found), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(
            made[name].variances, dense.of(name, np.diag(dense.covariance)), rtol=1e-6, atol=1e-6
        )


@settings(max_examples=100, deadline=None)
@given(noisy(), relations(), st.sampled_from(sorted(SIZES)), st.data())
def test_the_variance_of_a_sum_is_that_of_the_dense_covariance(
    measured: dict[str, Measured], given: list[Relation], name: str, data: st.DataObject
) -> None:
    dense, size = Dense(measured, given, [True] * equations(given)), SIZES[name]
    into = groups(*data.draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size)))
    weights = np.array(data.draw(st.lists(st.floats(-3, 3), min_size=size, max_size=size)))
    made = make_consistent(measured, given)[name].sums(into, weights)
    start = dense.starts[name]
    covariance = dense.covariance[start : start + size, start : start + size]
    assert made.values.size == into.max(initial=-1) + 1
    for group in range(made.values.size):
        row = weights * (into == group)
        np.testing.assert_allclose(made.values[group], row @ dense.of(name, dense.found), rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(made.variances[group], row @ covariance @ row, rtol=1e-6, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(noisy(), relations(at_least=True))
def test_inequalities_are_solved_as_by_trying_all_active_sets(
    measured: dict[str, Measured], given: list[Relation]
) -> None:
    at_least = [relation.at_least for relation in given for _ in range(equations([relation]))]
    best = None
    for held in product(*[(True, False) if free else (True,) for free in at_least]):
        tried = Dense(measured, given, held)
        fits = all(row @ tried.found > -1e-7 for row, free in zip(tried.rows, at_least, strict=True) if free)
        if fits and (best is None or tried.distance(tried.found) < best.distance(best.found)):
            best = tried
    assert best is not None, "with all held as equations, everything fits"
    made = make_consistent(measured, given)
    for name in SIZES:
        np.testing.assert_allclose(made[name].values, best.of(name, best.found), rtol=1e-5, atol=1e-5)
    without = make_consistent(measured, [relation for relation in given if not relation.at_least])
    for name in SIZES:
        np.testing.assert_allclose(made[name].variances, without[name].variances, rtol=1e-6, atol=1e-6)
        total = np.zeros(SIZES[name], np.int64)
        np.testing.assert_allclose(
            made[name].sums(total).variances, without[name].sums(total).variances, rtol=1e-6, atol=1e-6
        )


ROLES = Relation("zone_role", "zone_demographic", np.repeat(np.arange(2), 3), np.repeat(np.arange(2), 9))
TOTALS = Relation("zone", "zone_role", np.arange(2), np.repeat(np.arange(2), 3))
TRUE = {"zone": np.array([300.0, 60.0]), "zone_role": np.repeat([100.0, 20.0], 3)} | {
    "zone_demographic": np.repeat([300 / 9, 60 / 9], 9)
}


def test_estimates_are_unbiased_and_as_exact_as_they_say() -> None:
    random, draws = np.random.default_rng(7), 4000
    sd = {"zone": 36.0, "zone_role": 48.0, "zone_demographic": 30.0}
    stacked = {
        name: Measured(
            (true + random.normal(0, sd[name], (draws, true.size))).ravel(), np.full(draws * true.size, sd[name] ** 2)
        )
        for name, true in TRUE.items()
    }
    made = make_consistent(stacked, [_repeated(each, draws) for each in (ROLES, TOTALS)])
    for name, true in TRUE.items():
        errors = made[name].values.reshape(draws, -1) - true
        variances = made[name].variances[: true.size]
        assert np.all(np.abs(errors.mean(axis=0)) < 4 * np.sqrt(variances / draws))
        np.testing.assert_allclose(errors.var(axis=0), variances, rtol=0.12)
        assert np.all(variances < sd[name] ** 2)
    sums = made["zone_role"].sums(np.repeat(np.arange(2 * draws), 3))
    np.testing.assert_allclose(sums.values, made["zone"].values)
    np.testing.assert_allclose(sums.variances, made["zone"].variances)
    assert sums.variances[0] < made["zone_role"].variances[:3].sum() / 2, "adding variances would be wrong"


def _repeated(relation: Relation, times: int) -> Relation:
    """The relation in each of many copies of the levels."""
    copies = np.arange(times)[:, None] * (relation.first_groups.max() + 1)
    return replace(
        relation,
        first_groups=(copies + relation.first_groups).ravel(),
        second_groups=(copies + relation.second_groups).ravel(),
    )


@pytest.mark.parametrize("excess", [0.0, 30.0, 200.0])
def test_an_inequality_makes_no_error_larger_and_no_interval_too_narrow(excess: float) -> None:
    random, draws = np.random.default_rng(11), 20_000
    persons = Measured(100 + random.normal(0, 36, draws), np.full(draws, 36.0**2))
    visits = Measured(100 + excess + random.normal(0, 48, draws), np.full(draws, 48.0**2))
    each = np.arange(draws)
    made = make_consistent(
        {"visits": visits, "persons": persons}, [Relation("visits", "persons", each, each, at_least=True)]
    )
    assert np.all(made["visits"].values >= made["persons"].values - 1e-6)
    for name, true in (("visits", 100 + excess), ("persons", 100.0)):
        errors, variance = made[name].values - true, made[name].variances[0]
        assert np.mean(errors**2) < variance * 1.02
        assert np.mean(np.abs(errors) < 1.645 * np.sqrt(variance)) > 0.895
        unbiased = made[name].unbiased
        assert unbiased is not None
        assert abs(np.mean(unbiased) - true) < 4 * np.sqrt(variance / draws)
        assert np.mean((unbiased - true) ** 2) == pytest.approx(variance, rel=0.05)


def test_a_nation_of_zones_is_solved_in_seconds() -> None:
    zones = 3000
    levels = {
        name: Measured(np.ones(zones * n), np.full(zones * n, 9.0)) for name, n in (("a", 1), ("b", 3), ("c", 18))
    }
    by_zone = {name: np.repeat(np.arange(zones), level.values.size // zones) for name, level in levels.items()}
    shared = [Relation(one, other, by_zone[one], by_zone[other]) for one, other in ("ab", "bc", "ac")]
    made = make_consistent(levels, shared)
    total = made["c"].sums(np.zeros(zones * 18, np.int64))
    assert total.variances[0] == pytest.approx(zones * 9 / (1 + 1 / 3 + 1 / 18))


def test_margins_of_a_matrix_are_one_block_however_little_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    size, random = 12, np.random.default_rng(5)
    shapes = {"pairs": (size, size), "out": (size,), "in": (size,)}
    levels = {name: Measured(random.normal(50, 3, shape), np.full(shape, 9.0)) for name, shape in shapes.items()}
    row, column = np.indices((size, size)).reshape(2, -1)
    each = np.arange(size)
    shared = [Relation("pairs", "out", row, each), Relation("pairs", "in", column, each)]
    whole = make_consistent(levels, shared)
    monkeypatch.setattr(block_matrix, "AT_ONCE", 5)
    parts = make_consistent(levels, shared)
    for name in shapes:
        np.testing.assert_allclose(parts[name].variances, whole[name].variances)
    sums = parts["pairs"].sums(row)
    np.testing.assert_allclose(sums.values, parts["out"].values)
    np.testing.assert_allclose(sums.variances, parts["out"].variances)
    np.testing.assert_allclose(parts["pairs"].values.sum(axis=0), parts["in"].values)


def test_levels_keep_their_shapes_and_keys_without_a_group_stay_as_they_are() -> None:
    first, second = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[[5.0, 6.0]]])
    relation = Relation("one", "other", groups(0, -1, 0, -1), groups(0, 0))
    levels = {"one": Measured(first, np.full((2, 2), 4.0)), "other": Measured(second, np.full((1, 1, 2), 1.0))}
    one, other = make_consistent(levels, [relation]).values()
    assert (one.values.shape, other.values.shape) == ((2, 2), (1, 1, 2))
    assert one.values[0, 0] + one.values[1, 0] == pytest.approx(other.values.sum())
    assert one.values[:, 1].tolist() == [2.0, 4.0]
    assert one.variances[:, 1].tolist() == [4.0, 4.0]


def test_levels_that_agree_already_stay_as_they_are_and_become_surer() -> None:
    levels = {"one": Measured(np.array([3.0, 5.0]), np.full(2, 4.0)), "other": Measured(np.full(4, 2.0), np.ones(4))}
    one, other = make_consistent(levels, [Relation("one", "other", groups(0, 0), groups(0, 0, 0, 0))]).values()
    np.testing.assert_array_equal(one.values, [3.0, 5.0])
    np.testing.assert_array_equal(other.values, np.full(4, 2.0))
    assert np.all(one.variances < 4)
    assert np.all(other.variances < 1)


def test_levels_without_a_relation_stay_as_they_are_and_their_sums_add_variances() -> None:
    (made,) = make_consistent({"one": Measured(np.array([3.0, 5.0]), np.full(2, 4.0))}, []).values()
    assert made.values.tolist() == [3.0, 5.0]
    assert made.sums(groups(0, 0)).variances.tolist() == [8.0]
    assert Measured(np.array([3.0, 5.0]), np.array([4.0, 1.0])).sums(groups(0, 0)).variances.tolist() == [5.0]


@pytest.mark.parametrize(
    "other",
    [
        groups(0, 1),  # a key too few
        groups(0, 1, -2),
        groups(0, 0, 0),  # group 1 has no key
        groups(0, 1, 2),  # group 2 has no key in the other level
        np.array([0.0, 1.0, 0.0]),
    ],
)
def test_groups_that_do_not_fit_are_refused(other: np.ndarray) -> None:
    Relation("one", "other", groups(0, 1), groups(0, 1, -1)).check(2, 3)
    with pytest.raises(StepFailed) as refused:
        Relation("one", "other", groups(0, 1), other).check(2, 3)
    assert refused.value.code == "privacy.defect"


def test_a_level_that_shares_sums_with_itself_is_refused() -> None:
    with pytest.raises(StepFailed) as refused:
        Relation("one", "one", groups(0, 1), groups(1, 0)).check(2, 2)
    assert refused.value.code == "privacy.defect"
