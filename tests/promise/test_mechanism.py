"""The noise that is drawn is the noise that is charged: variance and shape of 480,000 production draws."""

import math
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tasks.policy_file import load
from tasks.privacy.bounds import UNIT
from tasks.privacy.noise import production_noise
from tasks.products import registry

SIGMA, DRAWS = Decimal(32), 20_000 * 24
ROOT = Path(__file__).parents[2]
SIGMAS = sorted(
    {
        rule.sigma
        for name in ("policy.toml", "policy.standard.toml")
        for product in registry.drawn()
        for cadence in product.cadences
        for rule in product.rules(load(ROOT / name).policy, cadence, 24)
    }
)
"""Of every level of every product, under both policies."""


@cache
def drawn() -> np.ndarray:
    return production_noise().draw(SIGMA, 1, DRAWS)


def variance_z(draws: np.ndarray, sigma: float) -> float:
    """Chi-square statistic of the draws against sigma, as a standard normal deviate."""
    return (float(np.sum(draws.astype(float) ** 2)) / sigma**2 - draws.size) / math.sqrt(2 * draws.size)


def test_the_variance_of_the_noise_is_sigma_squared() -> None:
    assert abs(variance_z(drawn(), float(SIGMA))) < 6


def test_noise_that_is_a_fifth_too_small_would_be_noticed() -> None:
    assert variance_z(drawn() / 1.2, float(SIGMA)) < -40


@pytest.mark.parametrize("unit", [1, UNIT])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_variance_is_right_at_the_sigma_of_each_level_in_ones_and_in_sixty_fourths(
    sigma: Decimal, unit: int
) -> None:
    draws = production_noise().draw(sigma, unit, 10_000)
    assert abs(variance_z(draws, float(sigma) * unit)) < 6


def test_the_noise_has_no_bias() -> None:
    assert abs(drawn().mean()) * math.sqrt(DRAWS) / float(SIGMA) < 6


def test_the_noise_follows_the_discrete_gaussian_law() -> None:
    support = np.arange(-200, 201)
    law = np.exp(-(support**2) / (2 * float(SIGMA) ** 2))
    expected = DRAWS * law / law.sum()
    usual = expected >= 50
    seen = np.bincount(np.clip(drawn(), -200, 200) + 200, minlength=401)
    chi_square = float(np.sum((seen - expected)[usual] ** 2 / expected[usual]))
    assert abs(chi_square - usual.sum()) / math.sqrt(2 * usual.sum()) < 6


def test_draws_of_different_keys_and_blocks_are_independent() -> None:
    draws = drawn().astype(float)
    for distance in (1, 24, 16_384):
        correlation = float(np.mean(draws[:-distance] * draws[distance:])) / float(SIGMA) ** 2
        assert abs(correlation) * math.sqrt(DRAWS - distance) < 6
