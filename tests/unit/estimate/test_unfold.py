"""Unfolding against least squares and slow loops."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.estimate.unfold import KINDS, ShareMatrix, Unfolding, patterns, unfolding

Matrix = np.ndarray


def shares(matrix: Matrix) -> ShareMatrix:
    assigned, true = np.nonzero(matrix)
    return ShareMatrix(assigned, true, matrix[assigned, true], len(matrix))


def confusion(places: int, blur: float, seed: int) -> Matrix:
    """Each place keeps most of its persons, a random part goes to others and a tenth of it outside."""
    random = np.random.default_rng(seed).random((places, places))
    return np.asarray((1 - blur) * np.eye(places) + 0.9 * blur * random / random.sum(axis=0))


@given(st.integers(2, 6), st.floats(0, 0.1), st.integers(0, 999))
def test_persons_are_found_again_where_the_matrix_is_right(places: int, blur: float, seed: int) -> None:
    matrix = confusion(places, blur, seed)
    persons = np.random.default_rng(seed).uniform(50, 5000, (places, 4))
    found = Unfolding([shares(matrix)])(matrix @ persons, np.zeros((places, 4)))
    assert found.values == pytest.approx(persons, rel=1e-2, abs=5)
    assert not found.model.any()


def test_the_variance_is_that_of_noise_and_of_the_chance_to_be_assigned_elsewhere() -> None:
    matrix, persons, sigma = confusion(4, 0.1, 1), np.array([400.0, 900, 100, 2000]), 30.0
    random = np.random.default_rng(5)
    columns = zip(persons, matrix.T, strict=True)
    sent = [random.multinomial(int(n), [*column, 1 - column.sum()], 4000)[:, :4] for n, column in columns]
    counted = np.sum(sent, axis=0).T + random.normal(0, sigma, (4, 4000))
    unfold = Unfolding([shares(matrix)])
    found = unfold(counted, np.full(counted.shape, sigma**2))
    # each column is a trial of its own, so their mean must not steady it
    alone = unfold.inverse @ counted
    assert found.variances.mean(axis=1) == pytest.approx(alone.var(axis=1), rel=0.08)


def test_who_is_served_by_chance_follows_from_the_matrix() -> None:
    """Of the first place half are counted in the other one: sent and received, each with a variance of a half."""
    model = ShareMatrix(np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([0.5, 0.5, 1.0]), 2)
    assert Unfolding([model], residents=np.array([300.0, 100.0])).chance == pytest.approx(300 * 0.5 / 400)


def test_places_that_look_alike_are_weak() -> None:
    matrix = confusion(5, 0.2, 3)
    matrix[:, 4] = matrix[:, 3]
    assert Unfolding([shares(matrix)]).weak.tolist() == [False, False, False, True, True]


def test_a_place_without_coverage_is_weak_and_takes_nobody_from_others() -> None:
    matrix = confusion(3, 0.1, 3)
    matrix[:, 2] = 0
    unfold = Unfolding([shares(matrix)])
    assert unfold.weak.tolist() == [False, False, True]
    assert unfold(matrix @ np.full((3, 1), 100.0), np.zeros((3, 1))).values[:, 0] == pytest.approx([100, 100, 0], abs=1)


def test_a_place_without_coverage_has_as_many_as_residents_lead_to_expect() -> None:
    matrix, residents = confusion(4, 0.1, 3), np.array([4_000.0, 3_000, 2_000, 1_000])
    matrix[:, 2] = 0
    unfold = Unfolding([shares(matrix)], residents=residents)
    there = residents[:, None] / 10 * np.array([1.0, 1.4])
    assert unfold(matrix @ there, np.zeros((4, 2))).values[2] == pytest.approx([240, 240], rel=0.01)


def test_what_counts_do_not_tell_is_as_unsure_as_persons_differ_from_residents() -> None:
    random, residents = np.random.default_rng(9), np.full(30, 500.0)
    matrix = confusion(30, 0.2, 3)
    matrix[:, 4] = matrix[:, 3]  # counts give only the sum of both
    errors, stated = [], []
    for _ in range(300):
        there = residents[:, None] * random.normal(1, 0.3, (30, 1))
        found = Unfolding([shares(matrix)], residents=residents)(matrix @ there, np.zeros_like(there))
        errors.append(np.square(found.values - there)[3:5])
        stated.append(found.variances[3:5] - found.variances[np.r_[:3, 5:30]].mean())
    assert np.mean(errors) == pytest.approx(np.mean(stated), rel=0.3)


def test_without_residents_a_place_that_is_not_told_may_be_like_the_others() -> None:
    matrix = confusion(3, 0.1, 3)
    matrix[:, 2] = 0
    found = Unfolding([shares(matrix)])(matrix @ np.full((3, 1), 100.0), np.zeros((3, 1)))
    assert found.variances[2, 0] == pytest.approx(100**2, rel=0.01)


def test_counts_of_nobody_are_nobody_even_where_they_are_what_zones_follow() -> None:
    nothing = np.zeros((3, 2))
    found = Unfolding([shares(confusion(3, 0.1, 3))], residents=nothing[:, 0])(nothing, np.ones((3, 2)))
    assert not found.values.any()
    assert np.isfinite(found.variances).all()


def test_other_models_and_sites_add_the_square_of_what_they_change() -> None:
    models = [confusion(4, blur, 2) for blur in (0.2, 0.25, 0.3)]
    values = np.array([[500.0], [800], [300], [900]])
    found = Unfolding([shares(each) for each in models])(values, np.zeros_like(values))
    exact = [np.linalg.solve(each, values) for each in models]
    expected = KINDS * np.mean([(each - exact[0]) ** 2 for each in exact[1:]], axis=0)
    unmixed = values * exact[0].sum() / values.sum()  # as if everybody were beside an antenna of the own place
    assert found.model == pytest.approx(expected + (exact[0] - unmixed) ** 2 / 4, rel=0.05)


@given(st.integers(0, 999))
def test_groups_of_places_agree_with_the_sums_of_their_places(seed: int) -> None:
    random = np.random.default_rng(seed)
    matrix, group = confusion(6, 0.3, seed), np.array([0, 0, 1, 1, 1, 2], np.int32)
    persons = random.uniform(10, 900, (6, 2))
    for column, one in enumerate(Unfolding([shares(matrix)]).of_groups(group, persons)):
        slow = np.zeros((3, 3))
        for true in range(6):
            within = persons[:, column][group == group[true]].sum()
            for assigned in range(6):
                slow[group[assigned], group[true]] += matrix[assigned, true] * persons[true, column] / within
        assert one.models[0].dense == pytest.approx(slow)


def test_a_stored_matrix_is_read_by_zone_without_what_is_assigned_outside() -> None:
    table = pa.table(
        {
            "model": pa.array([0, 0, 0, 1, 1], pa.int8()),
            "assigned_zone": ["", "A", "B", "A", "B"],
            "true_zone": ["A", "A", "B", "A", "B"],
            "share": [0.2, 0.8, 1.0, 0.9, 0.7],
        }
    )
    found = unfolding(table, ("B", "A"))
    assert [each.dense.tolist() for each in found.models] == [[[1, 0], [0, 0.8]], [[0.7, 0], [0, 0.9]]]


def test_patterns_are_what_opposite_models_differ_by() -> None:
    first, narrow, wide = (shares(confusion(4, lost, 3)) for lost in (0.2, 0.1, 0.3))
    (exponents, beams) = patterns([first, wide, narrow, narrow, narrow])
    seen = narrow.dense > 0
    assert exponents[seen] == pytest.approx(np.clip(np.log(wide.dense[seen] / narrow.dense[seen]), -1, 1), rel=1e-3)
    assert not exponents[~seen].any()
    assert beams == pytest.approx(np.zeros((4, 4)), abs=1e-6)


def test_a_plan_with_one_model_has_no_patterns() -> None:
    assert patterns([shares(confusion(4, 0.2, 3))]) == []
