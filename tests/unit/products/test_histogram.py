"""Quantiles and means of noisy histograms: beside slow twins, and how often their intervals hold the truth."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.privacy.release_table import Z90
from tasks.products.histogram import Histogram, isotonic

Reals = npt.NDArray[np.float64]

EDGES = np.array([0.0, 5, 15, 30, 60, 120, 240, 480, 1440])
BINS = len(EDGES) - 1
numbers = st.floats(-500, 2_000, allow_subnormal=False)
shares = st.sampled_from([0.25, 0.5, 0.75, 0.9])


def pooled(values: list[float], weights: list[float]) -> list[float]:
    """The twin of `isotonic`: merge any two neighbours that fall, until none does."""
    blocks = [[value, weight, 1.0] for value, weight in zip(values, weights, strict=True)]
    while fall := next((n for n in range(1, len(blocks)) if blocks[n][0] < blocks[n - 1][0]), None):
        (a, v, m), (b, w, n) = blocks[fall - 1 : fall + 1]
        blocks[fall - 1 : fall + 1] = [[(a * v + b * w) / (v + w), v + w, m + n]]
    return [value for value, _, length in blocks for _ in range(int(length))]


def excess(counts: Reals, variances: Reals, share: float, t: float) -> tuple[float, float]:
    """e(t) and its standard error, bin by bin."""
    below = np.clip((t - EDGES[:-1]) / np.diff(EDGES), 0, 1)
    weights = (1 - share) * below - share * (1 - below)
    return float(weights @ counts), float(np.sqrt(weights**2 @ variances))


def row(values: Reals, variances: Reals | None = None) -> Histogram:
    return Histogram(values[None], np.full((1, len(values)), 48.0**2) if variances is None else variances[None], EDGES)


@settings(deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=numbers),
    st.lists(st.floats(0.1, 9), min_size=9, max_size=9),
)
def test_pooled_rows_are_those_of_the_twin(values: Reals, weights: list[float]) -> None:
    given = np.broadcast_to(weights[: values.shape[1]], values.shape)
    found = isotonic(values, given)
    twins = [pooled(list(one), list(other)) for one, other in zip(values, given, strict=True)]
    assert found == pytest.approx(np.array(twins))


@settings(deadline=None)
@given(
    arrays(np.float64, BINS, elements=numbers),
    arrays(np.float64, BINS, elements=st.floats(100, 5_000)),
    shares,
)
def test_the_interval_holds_every_value_that_the_noise_does_not_exclude(
    values: Reals, variances: Reals, share: float
) -> None:
    histogram = row(values, variances)
    found, counts = histogram.quantile(share), histogram.monotone.values[0]
    assert counts.min() >= 0
    assert found.low[0] <= found.value[0] <= found.high[0]
    for t in np.linspace(0, 1440, 400):
        error, sd = excess(counts, variances, share, t)
        if abs(error) <= Z90 * sd * (1 - 1e-9):
            assert found.low[0] - 1e-6 <= t <= found.high[0] + 1e-6
    for end, edge in ((found.low[0], 0.0), (found.high[0], 1440.0)):
        error, sd = excess(counts, variances, share, end)
        assert end == edge or abs(error) == pytest.approx(Z90 * sd, rel=1e-6, abs=1e-6)


def test_a_median_by_hand_lies_within_its_bin() -> None:
    """Of 1,000 visits, 300 are shorter than half an hour and 400 take half an hour to an hour: 30 + 200 / 400 * 30."""
    found = row(np.array([0.0, 100, 200, 400, 200, 100, 0, 0])).quantile(0.5)
    assert found.value[0] == pytest.approx(45)
    assert found.low[0] < 45 < found.high[0]


def test_a_mean_by_hand_says_bounds_and_noise() -> None:
    """Half of 200 visits take 30 to 60 minutes, half 60 to 120: 67.5, between 45 and 90 wherever they lie."""
    values, variances = np.zeros(BINS), np.full(BINS, 1e-12)
    values[3:5] = 100
    found = row(values, variances).mean()
    assert [float(end[0]) for end in (found.low, found.value, found.high)] == pytest.approx([45, 67.5, 90], abs=1e-3)
    variances[3] = 10.0**2
    found = row(values, variances).mean()
    assert found.se[0] == pytest.approx(10 * 22.5 / 200, rel=1e-6), "45 minutes lie 22.5 from the mean"
    assert found.low[0] == pytest.approx(45 - Z90 * 10 * 15 / 200, rel=1e-6)


def test_a_mean_lies_within_its_interval_though_noise_made_a_wide_bin_negative() -> None:
    found = row(np.array([0.0, 500, 500, 0, 0, 0, 0, -400]), np.full(BINS, 1e-6)).mean()
    assert found.low[0] <= found.value[0] <= found.high[0]


def test_each_row_may_have_edges_of_its_own() -> None:
    values = np.array([[100.0, 100], [100, 100]])
    both = Histogram(values, np.ones((2, 2)), np.array([[0.0, 1, 2], [0, 10, 40]]))
    assert both.quantile(0.75).value == pytest.approx([1.5, 25])
    assert both.mean().value == pytest.approx([1, 15])
    assert both.mean(np.array([0.0, 1])).value == pytest.approx([0.5, 0.5])


def test_a_histogram_without_numbers_has_no_mean_and_an_interval_of_everything() -> None:
    empty = row(np.zeros(BINS))
    assert np.isnan(empty.mean().value[0])
    assert [float(end[0]) for end in empty.quantile(0.5)[2:]] == [0, 1440]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("size", [1_500, 6_000])
def test_nine_in_ten_intervals_hold_the_statistic_of_the_histogram_without_noise(share: float, size: int) -> None:
    """Noise of sd 48 on a histogram of visits as cities have it, 20,000 times by a fixed seed."""
    true = size * np.array([0.0, 0.06, 0.12, 0.2, 0.27, 0.2, 0.11, 0.04])
    noise = np.random.default_rng(13).normal(0, 48, (20_000, BINS))
    found = Histogram(true + noise, np.full(noise.shape, 48.0**2), np.log1p(EDGES)).quantile(share)
    exact = Histogram(true[None], np.full((1, BINS), 48.0**2), np.log1p(EDGES)).quantile(share).value[0]
    held = np.mean((found.low <= exact) & (exact <= found.high))
    assert 0.88 <= held <= 0.92
    assert abs(np.median(np.expm1(found.value)) / np.expm1(exact) - 1) < 0.03
