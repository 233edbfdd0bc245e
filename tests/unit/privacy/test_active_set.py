"""Which inequalities hold as equations: against all sets of them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.active_set import multipliers


def by_trying_all(rows: np.ndarray, values: np.ndarray, at_least: np.ndarray) -> np.ndarray:
    """The nearest point that fits, among the projections on each set of equations."""
    found = []
    for held in product(*[(True, False) if free else (True,) for free in at_least]):
        used = rows[np.array(held)]
        point = values - used.T @ np.linalg.pinv(used @ used.T) @ used @ values if len(used) else values
        if np.all((rows @ point)[at_least] > -1e-7):
            found.append(point)
    return min(found, key=lambda point: float(np.sum((point - values) ** 2)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5), st.integers(0, 3))
def test_the_projection_is_the_nearest_point_that_fits(seed: int, size: int, count: int, repeated: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(-1, 2, (count, size)).astype(float)
    rows = np.vstack([rows[rows.any(axis=1)], rows[rows.any(axis=1)][:repeated], np.ones(size)])
    values, at_least = random.normal(-1, 10, size), random.random(len(rows)) < 0.8
    found = values - rows.T @ multipliers(rows @ rows.T, rows @ values, at_least)
    np.testing.assert_allclose(found, by_trying_all(rows, values, at_least), atol=1e-5)


def test_an_inequality_leaves_the_equations_again_if_others_replace_it() -> None:
    rows = np.array([[1.0, 0.0], [2.0, 1.0], [0.5, 1.0]])
    values = np.array([-1.0, -3.0])
    found = values - rows.T @ multipliers(rows @ rows.T, rows @ values, np.ones(3, np.bool_))
    np.testing.assert_allclose(found, by_trying_all(rows, values, np.ones(3, np.bool_)), atol=1e-9)


def test_an_inequality_that_follows_from_equations_but_for_rounding_is_left_alone() -> None:
    matrix, residuals = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([-1.0, -0.5])
    assert multipliers(matrix, residuals, np.array([False, True])).tolist() == pytest.approx([-1.0, 0.0])
