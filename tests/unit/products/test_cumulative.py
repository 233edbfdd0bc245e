"""Where sums in an order reach a share of their total: isotonic, with an interval that covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.measured import Measured
from tasks.products.cumulative import Cumulative

numbers = st.lists(st.integers(-50, 100).map(float), min_size=1, max_size=12)


def pooled(values: list[float]) -> list[float]:
    """Isotonic regression by textbook: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (one, n), (other, m) = blocks[-2:]
            blocks[-2:] = [((n * one + m * other) / (n + m), n + m)]
    return [mean for mean, size in blocks for _ in range(size)]


@settings(deadline=None)
@given(numbers, st.sampled_from([0.25, 0.5, 0.9]))
def test_the_share_is_reached_where_the_isotonic_regression_of_the_sums_reaches_it(
    values: list[float], share: float
) -> None:
    row, zeros = np.array([values]), np.zeros((1, len(values)))
    at, low, high = Cumulative.of(Measured(row, zeros), np.arange(len(values))[None, :]).reached(share)
    excess = pooled((np.cumsum(values) - share * sum(values)).tolist())
    wanted = [n for n, each in enumerate(excess) if each >= -1e-9]
    near = min((abs(each) for each in excess), default=1.0) < 1e-6
    assert near or at[0] == (wanted[0] if wanted else len(values) - 1)
    assert at[0] == low[0] == high[0]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_nine_in_ten_intervals_hold_the_true_key(share: float) -> None:
    true = np.linspace(40, 160, 30)
    random, rows = np.random.default_rng(7), 4000
    noisy = Measured(true + random.normal(0, 24, (rows, true.size)), np.full((rows, true.size), 24.0**2))
    order = np.broadcast_to(np.arange(true.size), noisy.values.shape)
    at, low, high = Cumulative.of(noisy, order).reached(share)
    wanted = int(np.argmax(np.cumsum(true) >= share * true.sum()))
    assert np.all((low <= at) & (at <= high))
    assert 0.88 <= np.mean((low <= wanted) & (wanted <= high)) <= 1
    assert abs(np.mean(at) - wanted) < 1
