import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.consistency import make_consistent

sds = st.floats(1, 100)


def least_squares(
    parts: np.ndarray, cells: np.ndarray, part_sd: float, cell_sd: float
) -> tuple[np.ndarray, np.ndarray]:
    """One group and time by textbook: generalised least squares on a basis of all vectors whose sums agree."""
    n, c = len(parts), len(cells)
    constraint = np.concatenate([np.ones(n), -np.ones(c)])
    basis = np.linalg.svd(constraint[None, :])[2][1:].T
    weights = np.concatenate([np.full(n, part_sd**-2), np.full(c, cell_sd**-2)])
    covariance = basis @ np.linalg.inv(basis.T @ (weights[:, None] * basis)) @ basis.T
    return covariance @ (weights * np.concatenate([parts, cells])), np.diag(covariance)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), sds, sds, st.integers(0, 2**32 - 1))
def test_the_closed_form_is_the_least_squares_solution(n: int, c: int, a: float, b: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts, cells = random.normal(50, a, (n, 1)), random.normal(50, b, (1, 1, c))
    values, variances = least_squares(parts[:, 0], cells[0, 0], a, b)
    new_parts, new_cells = make_consistent(parts, cells, np.zeros(n, dtype=np.int64), a, b)
    np.testing.assert_allclose(np.concatenate([new_parts.values[:, 0], new_cells.values[0, 0]]), values, rtol=1e-6)
    np.testing.assert_allclose(
        np.concatenate([new_parts.variances[:, 0], new_cells.variances[0, 0]]), variances, rtol=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(st.permutations([0, 0, 0, 1, 1, 2]), sds, sds, st.integers(0, 2**32 - 1))
def test_after_reconciliation_both_levels_have_the_same_sums(group: list[int], a: float, b: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts, cells = random.normal(100, a, (6, 4)), random.normal(100, b, (3, 4, 18))
    new_parts, new_cells = make_consistent(parts, cells, np.array(group), a, b)
    for g in range(3):
        np.testing.assert_allclose(
            new_parts.values[np.array(group) == g].sum(axis=0), new_cells.values[g].sum(axis=1), atol=1e-8
        )


def test_levels_that_agree_already_stay_as_they_are_and_become_surer() -> None:
    parts, cells = np.array([[3.0], [5.0]]), np.full((1, 1, 4), 2.0)
    new_parts, new_cells = make_consistent(parts, cells, np.array([0, 0]), 2.0, 1.0)
    np.testing.assert_array_equal(new_parts.values, parts)
    np.testing.assert_array_equal(new_cells.values, cells)
    assert np.all(new_parts.variances < 4)
    assert np.all(new_cells.variances < 1)
