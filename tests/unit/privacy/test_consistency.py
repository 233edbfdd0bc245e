"""Two levels of the same persons agree in every group, by least squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import StepFailed
from tasks.privacy.consistency import Hierarchy, make_consistent

sds = st.floats(1, 100)
groupings = st.permutations([0, 0, 0, 1, 1, 2, -1])


def groups(*of: int) -> np.ndarray:
    return np.array(of, dtype=np.int64)


def least_squares(
    first: np.ndarray, second: np.ndarray, a: float, b: float, hierarchy: Hierarchy
) -> tuple[np.ndarray, np.ndarray]:
    """By textbook: generalised least squares on a basis of all vectors whose sums agree in every group."""
    all_groups = np.arange(hierarchy.first_groups.max() + 1)[:, None]
    constraints = np.hstack([hierarchy.first_groups == all_groups, -1.0 * (hierarchy.second_groups == all_groups)])
    basis = np.linalg.svd(constraints)[2][len(all_groups) :].T
    weights = np.concatenate([np.full(len(first), a**-2), np.full(len(second), b**-2)])
    covariance = basis @ np.linalg.inv(basis.T @ (weights[:, None] * basis)) @ basis.T
    return covariance @ (weights * np.concatenate([first, second])), np.diag(covariance)


@settings(max_examples=100, deadline=None)
@given(groupings, groupings, sds, sds, st.integers(0, 2**32 - 1))
def test_the_closed_form_is_the_least_squares_solution(
    ones: list[int], others: list[int], a: float, b: float, seed: int
) -> None:
    random, hierarchy = np.random.default_rng(seed), Hierarchy("one", "other", groups(*ones), groups(*others))
    first, second = random.normal(50, a, len(ones)), random.normal(50, b, len(others))
    values, variances = least_squares(first, second, a, b, hierarchy)
    made = make_consistent(first, second, hierarchy, a, b)
    np.testing.assert_allclose(np.concatenate([level.values for level in made]), values, rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([level.variances for level in made]), variances, rtol=1e-6)


def test_levels_keep_their_shapes_and_keys_without_a_group_stay_as_they_are() -> None:
    first, second = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[[5.0, 6.0]]])
    hierarchy = Hierarchy("one", "other", groups(0, -1, 0, -1), groups(0, 0))
    one, other = make_consistent(first, second, hierarchy, 2.0, 1.0)
    assert (one.values.shape, other.values.shape) == ((2, 2), (1, 1, 2))
    assert one.values[0, 0] + one.values[1, 0] == pytest.approx(other.values.sum())
    assert one.values[:, 1].tolist() == [2.0, 4.0]
    assert one.variances[:, 1].tolist() == [4.0, 4.0]


def test_levels_that_agree_already_stay_as_they_are_and_become_surer() -> None:
    first, second = np.array([3.0, 5.0]), np.full(4, 2.0)
    hierarchy = Hierarchy("one", "other", groups(0, 0), groups(0, 0, 0, 0))
    one, other = make_consistent(first, second, hierarchy, 2.0, 1.0)
    np.testing.assert_array_equal(one.values, first)
    np.testing.assert_array_equal(other.values, second)
    assert np.all(one.variances < 4)
    assert np.all(other.variances < 1)


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
    Hierarchy("one", "other", groups(0, 1), groups(0, 1, -1)).check(2, 3)
    with pytest.raises(StepFailed) as refused:
        Hierarchy("one", "other", groups(0, 1), other).check(2, 3)
    assert refused.value.code == "privacy.defect"
