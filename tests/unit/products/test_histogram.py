"""Quantiles and means of noisy histograms: beside slow twins, and how often their intervals hold the truth."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.products.histogram import FAR, POINTS, STEPS, VAGUE, Estimate, Histogram, likely_shares

Reals = npt.NDArray[np.float64]

EDGES = np.array([0.0, 5, 15, 30, 60, 120, 240, 480, 1440])
MIDDLES = (EDGES[:-1] + EDGES[1:]) / 2
BINS = len(EDGES) - 1
numbers = arrays(np.float64, (2, 3, BINS), elements=st.floats(0, 2_000, allow_subnormal=False))
shares = st.sampled_from([0.25, 0.5, 0.75, 0.9])


def exact(values: list[float], edges: Reals = EDGES) -> Histogram:
    return Histogram(np.array(values)[None, None], edges)


def quantile(counts: Reals, share: float) -> float:
    """Bin by bin."""
    left = share * counts.sum()
    for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False):
        if count >= left:
            return float(low + (high - low) * left / count)
        left -= count
    return float(EDGES[-1])


def middle(values: list[float]) -> float:
    """The median of three."""
    return sorted(values)[1]


@settings(deadline=None)
@given(numbers, shares)
def test_a_value_is_the_middle_of_what_each_point_of_a_row_gives(of: Reals, share: float) -> None:
    of[..., 3] += 1  # no point is empty
    found, mean = Histogram(of, EDGES).quantile(share), Histogram(of, EDGES).mean(MIDDLES)
    for row, points in enumerate(of):
        assert found.value[row] == pytest.approx(middle([quantile(counts, share) for counts in points]), rel=1e-6)
        assert mean.value[row] == pytest.approx(middle([counts @ MIDDLES / counts.sum() for counts in points]))
    assert np.all((found.low <= found.value) & (found.value <= found.high))


def test_a_median_by_hand_lies_within_its_bin() -> None:
    """Of 1,000 visits, 300 are shorter than half an hour and 400 take half an hour to an hour: 30 + 200 / 400 * 30."""
    found = exact([0, 100, 200, 400, 200, 100, 0, 0]).quantile(0.5)
    assert [float(each[0]) for each in found] == pytest.approx([45, 0, 45, 45])


def test_a_mean_by_hand_depends_on_where_in_a_bin_its_numbers_lie() -> None:
    """Half of 200 visits take 30 to 60 minutes, half 60 to 120: 67.5 in the middle, between 45 and 90."""
    found = exact([0, 0, 0, 100, 100, 0, 0, 0])
    assert [float(found.mean(at).value[0]) for at in (EDGES[:-1], MIDDLES, EDGES[1:])] == pytest.approx([45, 67.5, 90])


def test_another_scale_moves_the_ends_with_the_value() -> None:
    ends = (np.array([4.0]), np.array([1.0]), np.array([1.0]), np.array([9.0]))
    found = Estimate(*ends).on(np.sqrt)
    assert [float(each[0]) for each in found] == pytest.approx([2, (3 - 1) / (2 * 1.645), 1, 3], rel=1e-3)


def posterior(noisy: list[float], se: list[float]) -> list[float]:
    """The mean of each share without noise, place by place."""
    places = [10 ** (-5 + n / 50) for n in range(251)]
    vague = prior = [1 / len(places)] * len(places)
    for _ in range(STEPS):
        weights = []
        for share, sd in zip(noisy, se, strict=True):
            each = [NormalDist(0, sd).pdf(share - place) * part for place, part in zip(places, prior, strict=True)]
            weights.append([weight / sum(each) for weight in each])
        added = [sum(row[n] for row in weights) + VAGUE * vague[n] for n in range(len(places))]
        prior = [each / (len(noisy) + VAGUE) for each in added]
    return [sum(weight * place for weight, place in zip(row, places, strict=True)) for row in weights]


def test_likely_shares_are_those_of_the_twin() -> None:
    """Rows of 1,000 visits, but for the last one, which is none: less than its standard error of 68 is noise."""
    first = np.array([-120.0, -10, 3, 55, 160, 400, -80])
    rows = np.column_stack([first, np.array([1_000.0] * 6 + [0]) - first])
    found = likely_shares(rows, np.full(rows.shape, 48.0**2))
    sizes = np.array([1_000.0] * 6 + [48 * 2**0.5])
    assert found.shape == (7, POINTS, 2)
    expected = posterior((first / sizes).tolist(), (48 / sizes).tolist())
    assert found[..., 0].mean(axis=1) == pytest.approx(expected, rel=0.05, abs=0.002)
    assert np.all(found > 0), "no zone has fewer visits than none"


def test_like_rows_pull_a_share_and_large_ones_stay_as_they_are() -> None:
    def likely(first: float, others: float) -> float:
        rows = np.array([[first, 2_000 - first], *[[others, 2_000 - others]] * 60])
        return float(likely_shares(rows, np.full(rows.shape, 48.0**2))[0, :, 0].mean())

    assert likely(100, 0) < likely(100, 100) < likely(100, 200)
    far = 48 * FAR + 1
    assert likely(far, 0) == likely(far, 400) == pytest.approx(far / 2_000)


def test_a_row_without_numbers_tells_nothing_and_gets_nothing() -> None:
    rows = np.array([[50.0, 20], [10, 80], [np.nan, np.nan]])
    found, alone = (likely_shares(each, np.full(each.shape, 48.0**2)) for each in (rows, rows[:2]))
    assert np.array_equal(found[:2], alone)
    assert np.isnan(Histogram(found, EDGES[:3]).quantile(0.5).value[2])


def test_points_of_different_bins_are_independent() -> None:
    found = likely_shares(np.full((1, BINS), 10_000.0), np.ones((1, BINS)))[0]
    assert np.abs(np.corrcoef(found.T) - np.eye(BINS)).max() < 0.1


def city(rows: int, seed: int) -> Reals:
    """Histograms of zones of very different sizes and shapes, made up by a fixed seed."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(np.log(10), np.log(5_000), rows))
    shapes = random.dirichlet(10 * np.array([0.02, 0.06, 0.12, 0.2, 0.25, 0.2, 0.11, 0.04]), rows)
    return np.asarray(random.poisson(sizes[:, None] * shapes).astype(np.float64))


def test_about_nine_in_ten_intervals_hold_the_statistic_without_noise_over_all_rows_and_over_shown_ones() -> None:
    """Noise of sd 48 on 50 cities of 60 zones: quartiles and mean; shown are rows of three standard errors."""
    held, shown = [], []
    for seed in range(50):
        true = city(60, seed)
        noisy = true + np.random.default_rng(1_000 + seed).normal(0, 48, true.shape)
        drawn = Histogram(likely_shares(noisy, np.full(true.shape, 48.0**2)), np.log1p(EDGES))
        sure = Histogram(true[:, None] + 1e-9, np.log1p(EDGES))
        pairs = [(of.quantile(0.25), of.quantile(0.5), of.quantile(0.75), of.mean(MIDDLES)) for of in (drawn, sure)]
        held.append([(of.low <= what.value) & (what.value <= of.high) for of, what in zip(*pairs, strict=True)])
        shown.append(noisy.sum(axis=1) >= 3 * 48 * BINS**0.5)
    within, seen = np.array(held), np.array(shown)
    assert 0.88 <= within.mean() <= 0.94
    assert 0.88 <= within.transpose(0, 2, 1)[seen].mean() <= 0.92
