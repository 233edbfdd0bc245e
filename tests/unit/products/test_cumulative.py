"""Where sums in an order reach a share of their total, with an interval that covers as often as it says."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.measured import Measured
from tasks.products.cumulative import likely, reached

numbers = st.lists(st.integers(0, 100).map(float), min_size=1, max_size=12).filter(any)


@settings(deadline=None)
@given(numbers, st.sampled_from([0.25, 0.5, 0.9]))
def test_without_noise_the_share_is_reached_at_the_first_sum_that_holds_it(values: list[float], share: float) -> None:
    row = np.array([values])
    at, low, high = reached(Measured(row, np.zeros(row.shape)), share)
    sums = itertools.accumulate(values)
    assert at[0] == next(n for n, total in enumerate(sums) if total >= share * sum(values) - 1e-9)
    assert at[0] == low[0] == high[0]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.integers(0, 7))
def test_an_interval_takes_up_an_answer_if_that_brings_it_nearer_to_nine_in_ten(
    weights: list[float], place: int
) -> None:
    each = np.array(weights) / sum(weights)
    answer = min(place, len(weights) - 1)
    at, low, high = (int(end[0]) for end in likely(np.cumsum(each)[None], np.array([answer])))
    assert at == answer
    assert low <= at <= high
    inside = each[low : high + 1].sum()
    ends = [each[end] for end in (low, high) if end != at]
    assert not ends or inside - max(ends) / 2 < 0.9 + 1e-9
    others = [*each[:low][-1:], *each[high + 1 :][:1]]
    assert not others or inside + max(others) / 2 >= 0.9 - 1e-9


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_nine_in_ten_intervals_hold_the_true_key(share: float) -> None:
    """Of 200 keys, hardly any is sure: few intervals have to hold more than nine in ten."""
    true = np.linspace(10, 40, 200)
    random, rows = np.random.default_rng(7), 4000
    noisy = Measured(true + random.normal(0, 24, (rows, true.size)), np.full((rows, true.size), 24.0**2))
    at, low, high = reached(noisy, share)
    wanted = int(np.argmax(np.cumsum(true) >= share * true.sum()))
    assert np.all((low <= at) & (at <= high))
    assert 0.88 <= np.mean((low <= wanted) & (wanted <= high)) <= 0.93
    assert abs(np.mean(at) - wanted) < 1
