"""Smoothing against made-up days whose patterns are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.estimate.smoothing import shared_noise, smoothed

Reals = NDArray[np.float64]
NOISE = 30.0


def day(zones: int, own: float, seed: int) -> tuple[Reals, np.random.Generator]:
    """Persons by zone and hour of two patterns, work and home, and what each zone has of its own."""
    random = np.random.default_rng(seed)
    size = random.uniform(200, 1_500, (zones, 1))
    work = random.uniform(0, 1, (zones, 1)) * np.exp(-np.square((np.arange(24) - 13) / 5))
    return size * (0.5 + work) + own * np.sqrt(size) * random.normal(size=(zones, 24)), random


def rms(errors: Reals) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("zones", [12, 100])
def test_most_noise_is_gone_where_zones_share_patterns(zones: int) -> None:
    true, random = day(zones, 0.0, 1)
    counted = true + random.normal(0, NOISE, true.shape)
    found, _ = smoothed(counted, np.full(true.shape, NOISE**2))
    assert rms(found - true) < 0.6 * NOISE


@pytest.mark.parametrize("own", [0.0, 0.5, 2.0])
def test_stated_variances_are_those_of_the_errors(own: float) -> None:
    errors = []
    for seed in range(20):
        true, random = day(30, own, seed)
        counted = true + random.normal(0, NOISE, true.shape)
        found, variances = smoothed(counted, np.full(true.shape, NOISE**2))
        errors.append(np.square(found - true) / variances)
    assert 0.85 < np.mean(errors) < 1.15


def test_chance_that_is_stated_apart_is_not_stated_again() -> None:
    true, random = day(60, 0.5, 5)
    counted, variances = true + random.normal(0, NOISE, true.shape), np.full(true.shape, NOISE**2)
    plain, apart, more = (smoothed(counted, variances, chance) for chance in (0.0, np.full(24, 0.25), 9.0))
    assert plain[0] == pytest.approx(apart[0])
    assert (plain[1] > apart[1]).all()
    assert (apart[1] >= more[1]).all()
    assert more[1].min() > 0.02 * NOISE**2


def test_noise_that_hours_share_with_a_night_is_known() -> None:
    true, random = day(40, 0.5, 6)
    night, left, stated = np.arange(1, 5), [], []
    for _ in range(300):
        noise = random.normal(0, NOISE, true.shape)
        values, variances = true + noise, np.full(true.shape, NOISE**2)
        left.append((smoothed(values, variances)[0] - true) * noise[:, night].mean(axis=1, keepdims=True))
        stated.append(shared_noise(values, variances, night))
    real, found = (np.mean(each, axis=(0, 1)) / NOISE**2 for each in (left, stated))
    assert found == pytest.approx(real, abs=0.02)
    assert found[night].min() > 0.1


@pytest.mark.parametrize("more", [3, 6, 10, 20, 60])
def test_an_event_of_one_zone_and_hour_loses_no_more_than_its_noise(more: int) -> None:
    held = []
    for seed in range(40):
        true, random = day(60, 0.5, seed)
        true[7, 20] += more * NOISE
        counted = true + random.normal(0, NOISE, true.shape)
        found, variances = smoothed(counted, np.full(true.shape, NOISE**2))
        assert abs(found - counted).max() <= 1.0001 * NOISE
        held.append(abs(found - true)[7, 20] < 1.645 * np.sqrt(variances[7, 20]))
    assert np.mean(held) > 0.45


def test_counts_with_hardly_any_noise_stay_as_they_are() -> None:
    true, _ = day(30, 2.0, 3)
    found, variances = smoothed(true, np.full(true.shape, 1e-6))
    assert found == pytest.approx(true, rel=1e-4)
    assert variances.max() < 2e-6


def test_a_missing_count_follows_from_the_others_and_is_less_sure() -> None:
    true, random = day(60, 0.0, 4)
    variances, counted = np.full(true.shape, NOISE**2), true + random.normal(0, NOISE, true.shape)
    counted[7, 13], variances[7, 13] = 0, 0
    found, after = smoothed(counted, variances)
    assert abs(found[7, 13] - true[7, 13]) < 3 * NOISE
    assert after[7, 13] >= np.median(after[7])


def test_without_a_count_there_is_nothing_to_smooth() -> None:
    nothing = np.zeros((3, 4))
    values, variances = smoothed(nothing, nothing)
    assert not values.any()
    assert not variances.any()
    assert not shared_noise(nothing, nothing, np.arange(2)).any()


def test_counts_of_which_patterns_explain_all_stay_as_they_are() -> None:
    values = np.diag([5e3, 1e4, 2e4])
    found, variances = smoothed(values, np.ones_like(values))
    assert found == pytest.approx(values, abs=1.5)
    assert np.isfinite(variances).all()
