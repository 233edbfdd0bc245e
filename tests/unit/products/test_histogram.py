"""Quantiles and means of noisy histograms: beside slow twins, and how often their intervals hold the truth."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.interval import Z90
from tasks.products.histogram import Histogram

Reals = npt.NDArray[np.float64]

EDGES = np.array([0.0, 5, 15, 30, 60, 120, 240, 480, 1440])
BINS = len(EDGES) - 1
numbers = st.floats(-500, 2_000, allow_subnormal=False)
shares = st.sampled_from([0.25, 0.5, 0.75, 0.9])


def excess(counts: Reals, variances: Reals, share: float, t: float) -> tuple[float, float]:
    """e(t) and its standard error, bin by bin."""
    below = np.clip((t - EDGES[:-1]) / np.diff(EDGES), 0, 1)
    weights = (1 - share) * below - share * (1 - below)
    return float(weights @ counts), float(np.sqrt(weights**2 @ variances))


def row(values: Reals, variances: Reals | None = None) -> Histogram:
    return Histogram(values[None], np.full((1, len(values)), 48.0**2) if variances is None else variances[None], EDGES)


@settings(deadline=None)
@given(
    arrays(np.float64, BINS, elements=numbers),
    arrays(np.float64, BINS, elements=st.floats(100, 5_000)),
    shares,
)
@example(np.array([46.0] + 7 * [0.0]), np.full(BINS, 100.0), 0.5)
def test_a_quantile_and_its_ends_lie_where_the_confidence_of_the_twin_does(
    values: Reals, variances: Reals, share: float
) -> None:
    found = row(values, variances).quantile(share)
    confidence = [NormalDist().cdf(error / sd) for error, sd in (excess(values, variances, share, t) for t in EDGES)]
    middle = [(max(confidence[: n + 1]) + min(confidence[n:])) / 2 for n in range(BINS + 1)]
    for end, level in ((found.low[0], 0.05), (found.value[0], 0.5), (found.high[0], 0.95)):
        before, after = np.searchsorted(EDGES, (end - 1e-6, end + 1e-6)) - (1, 0)
        assert before < 0 or middle[before] < level + 1e-6
        assert after >= BINS or middle[after] >= level - 1e-6  # confidence can be largest inside the last bin
        error, sd = excess(values, variances, share, end)
        inside = (
            max(middle_of(confidence[: before + 1], error / sd)) + min(middle_of(confidence[after:], error / sd))
        ) / 2
        assert end in {EDGES[0], EDGES[-1]} or inside == pytest.approx(level, abs=1e-5)


def middle_of(confidence: list[float], standard: float) -> list[float]:
    """The confidence at edges, and in the point itself."""
    return [*confidence, NormalDist().cdf(standard)]


def test_a_median_by_hand_lies_within_its_bin() -> None:
    """Of 1,000 visits, 300 are shorter than half an hour and 400 take half an hour to an hour: 30 + 200 / 400 * 30."""
    found = row(np.array([0.0, 100, 200, 400, 200, 100, 0, 0])).quantile(0.5)
    assert found.value[0] == pytest.approx(45)
    assert found.low[0] < 45 < found.high[0]


def test_a_mean_by_hand_depends_on_where_in_a_bin_its_numbers_lie() -> None:
    """Half of 200 visits take 30 to 60 minutes, half 60 to 120: 67.5 in the middle, between 45 and 90."""
    values, variances = np.zeros(BINS), np.full(BINS, 1e-12)
    values[3:5] = 100
    found = row(values, variances)
    means = [float(found.mean(at).value[0]) for at in (EDGES[:-1], None, EDGES[1:])]
    assert means == pytest.approx([45, 67.5, 90])
    variances[3] = 10.0**2
    mean = row(values, variances).mean()
    assert mean.se[0] == pytest.approx(10 * 22.5 / 200, rel=1e-6), "45 minutes lie 22.5 from the mean"
    for end in (mean.low[0], mean.high[0]):
        error, sd = 200 * (67.5 - end), 10 * abs(45 - end)
        assert abs(error) == pytest.approx(Z90 * sd, rel=1e-6)


def test_each_row_may_have_edges_of_its_own() -> None:
    values = np.array([[100.0, 100], [100, 100]])
    both = Histogram(values, np.ones((2, 2)), np.array([[0.0, 1, 2], [0, 10, 40]]))
    assert both.quantile(0.75).value == pytest.approx([1.5, 25])
    assert both.mean().value == pytest.approx([1, 15])
    assert both.mean(np.array([0.0, 1])).value == pytest.approx([0.5, 0.5])


def test_a_histogram_without_numbers_has_no_mean_and_intervals_of_everything() -> None:
    empty = row(np.zeros(BINS))
    assert np.isnan(empty.mean().value[0])
    assert [float(end[0]) for end in empty.quantile(0.5)[2:]] == [0, 1440]
    assert [float(end[0]) for end in empty.mean(EDGES[1:])[2:]] == [5, 1440]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, None])
@pytest.mark.parametrize("size", [420, 1_500, 6_000])
def test_nine_in_ten_intervals_hold_the_statistic_of_the_histogram_without_noise(
    share: float | None, size: int
) -> None:
    """Noise of sd 48 on a histogram of visits as cities have it, 20,000 times by a fixed seed.

    A sum of 420 visits is three standard errors; of fewer, every time is possible, and intervals hold more.
    """
    true = size * np.array([0.0, 0.06, 0.12, 0.2, 0.27, 0.2, 0.11, 0.04])
    noise = np.random.default_rng(13).normal(0, 48, (20_000, BINS))
    drawn, exact = (Histogram(true + of, np.full(of.shape, 48.0**2), np.log1p(EDGES)) for of in (noise, 0 * noise[:1]))
    found, wanted = (each.mean() if share is None else each.quantile(share) for each in (drawn, exact))
    held = (found.low <= wanted.value) & (wanted.value <= found.high)
    assert 0.88 <= held.mean() <= 0.92
    assert abs(np.expm1(np.median(found.value)) / np.expm1(wanted.value[0]) - 1) < (0.03 if size > 1_000 else 0.12)
