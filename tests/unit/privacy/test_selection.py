"""Groups whose shown values are mostly noise are withheld; true values are not, however few they are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.selection import mostly_noise

SIGMA, THRESHOLD = 64.0, 192


def drawn(truth: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.asarray(truth + np.random.default_rng(seed).normal(0, SIGMA, truth.size), np.float64)


def withheld(values: np.ndarray, groups: np.ndarray | None = None, countable: np.ndarray | None = None) -> np.ndarray:
    groups = np.zeros(values.size, np.int64) if groups is None else groups
    countable = np.ones(values.size, np.bool_) if countable is None else countable
    return mostly_noise(values, np.full(values.size, SIGMA), THRESHOLD, groups, countable)


def test_values_that_only_noise_lifts_are_withheld_and_a_group_of_true_ones_beside_them_is_not() -> None:
    truth = np.concatenate([np.full(8_000, 3.0), np.full(8_000, 400.0)])
    values, groups = drawn(truth), np.repeat([0, 1], 8_000)
    assert (values[:8_000] >= THRESHOLD).any()
    assert withheld(values, groups).tolist() == [True] * 8_000 + [False] * 8_000


def test_a_few_large_places_among_many_small_ones_are_shown() -> None:
    assert not withheld(drawn(np.concatenate([np.full(9_700, 10.0), np.full(300, 900.0)]))).any()


def test_a_group_well_below_the_threshold_is_noise_and_one_near_it_is_not() -> None:
    assert withheld(drawn(np.full(5_000, THRESHOLD - 1.5 * SIGMA))).all()
    for near in (-0.5, 0.0, 1.0):
        assert not withheld(drawn(np.full(5_000, THRESHOLD + near * SIGMA))).any()


def test_keys_of_which_nothing_is_known_count_for_nothing() -> None:
    values = drawn(np.concatenate([np.full(5_000, 2.0), np.full(20, 2_000.0)]))
    known = np.arange(values.size) < 5_000
    assert withheld(values, countable=known).all()


def test_a_level_without_keys_has_nothing_to_withhold() -> None:
    assert withheld(np.zeros(0)).size == 0


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(50, 2_000))
def test_where_most_shown_values_are_true_ones_the_group_is_shown(seed: int, large: int) -> None:
    truth = np.concatenate([np.zeros(3_000), np.full(large, 4.0 * THRESHOLD)])
    assert not withheld(drawn(truth, seed)).any()
