"""The smallest sets that hold shares of a total: beside a slow twin, and how often intervals hold the true answer."""

import itertools
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.privacy.measured import Measured
from tasks.products.cores import POINTS, WEIGHTS, core_probabilities
from tasks.products.cumulative import Reached, likely

Reals = npt.NDArray[np.float64]
SHARES = (0.5, 0.7, 0.9)


def holds(values: Reals, variances: Reals, key: int, share: float) -> float:
    """The twin: that those above a key hold less than the share, point by point. Noisy numbers are never equal."""
    found = 0.0
    for place, weight in zip(values[key] + np.sqrt(variances[key]) * POINTS, WEIGHTS, strict=True):
        mean, variance = -share * place, 0.0
        for other in set(range(len(values))) - {key}:
            points = values[other] + np.sqrt(variances[other]) * POINTS
            counted = points * ((points > place) - share)
            mean += counted @ WEIGHTS
            variance += counted**2 @ WEIGHTS - (counted @ WEIGHTS) ** 2
        found += weight * NormalDist().cdf(-mean / max(variance, 1e-6) ** 0.5)
    return found


@settings(deadline=None, max_examples=30)
@given(
    arrays(np.float64, 5, elements=st.integers(-50, 800).map(float), unique=True),
    arrays(np.float64, 5, elements=st.integers(100, 900).map(float), unique=True),
)
def test_a_key_is_as_probably_in_a_core_as_the_twin_says(values: Reals, variances: Reals) -> None:
    _, members = core_probabilities(Measured(values[None], variances[None]), SHARES)
    for key in range(5):
        twins = itertools.accumulate((holds(values, variances, key, share) for share in SHARES), max)
        assert members[0, key] == pytest.approx([*twins, 1.0], abs=1e-4)


def test_without_noise_every_answer_is_sure() -> None:
    values = np.array([[300.0, 600.0, 150.0, 75.0]])  # the largest hold 53, 80, 93 and 100 %
    sizes, members = core_probabilities(Measured(values, np.zeros(values.shape)), SHARES)
    assert likely(sizes)[0].tolist() == [[0, 1, 2]]
    assert np.argmax(members[0] > 0.5, axis=1).tolist() == [1, 0, 2, 3]


def answers(values: Reals, variance: float) -> tuple[Reached, Reached]:
    """Sizes of cores, less 1, and the smallest core of each key, with their intervals."""
    sizes, members = core_probabilities(Measured(values, np.full(values.shape, variance)), SHARES)
    return likely(sizes), likely(members)


SHAPES = {
    "few that differ": 400 * 0.7 ** np.arange(8),
    "few that are alike": np.array([180.0, 120, 90, 60, 50, 40, 30, 30]),
    "thirty in a line": np.linspace(300, 100, 30),
    "a hundred with a long tail": 5_000 / np.arange(1, 101),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_about_nine_in_ten_intervals_hold_the_true_answer_and_more_where_answers_are_sure(shape: str) -> None:
    """Noise of sd 24 on a hundred cities of this shape, by a fixed seed."""
    random = np.random.default_rng(13)
    true = np.round(SHAPES[shape] * random.lognormal(0, 0.3, (100, 1, SHAPES[shape].size)))
    noisy = true + random.normal(0, 24, (100, 20, true.shape[-1]))
    drawn = answers(noisy.reshape(-1, true.shape[-1]), 24.0**2)
    for (_, low, high), (wanted, _, _) in zip(drawn, answers(true[:, 0], 0.0), strict=True):
        exact = np.repeat(wanted, 20, axis=0)
        assert 0.86 <= np.mean((low <= exact) & (exact <= high)) <= 0.965
