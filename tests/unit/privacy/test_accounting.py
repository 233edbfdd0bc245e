import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.privacy.accounting import UNITS, PrivacyCost, cap_units, charge, epsilon, guesses, rho_of
from tasks.privacy.bounds import LevelRule
from tasks.privacy.noise import gaussian, scale_of

FINE = LevelRule("zone_hour", Decimal(32), 24, 96)
COARSE = LevelRule("district_hour_demographic", Decimal(64), 24, 192)

rules = st.builds(LevelRule, st.just("level"), st.decimals("0.5", "20000", places=3), st.integers(1, 20_000), st.none())


def test_a_level_costs_half_its_bound_over_its_variance() -> None:
    assert charge([FINE], months=1).exact == Fraction(24, 2 * 32**2)


def test_levels_of_a_release_add_up() -> None:
    alone = [charge([rule], 1) for rule in (FINE, COARSE)]
    both = charge([FINE, COARSE], 1)
    assert both == PrivacyCost(alone[0].units + alone[1].units, alone[0].exact + alone[1].exact)


@pytest.mark.parametrize("months", [2, 3])
def test_a_period_that_straddles_months_charges_each_of_them_twice(months: int) -> None:
    assert charge([FINE], months).exact == 2 * charge([FINE], 1).exact


@settings(max_examples=60, deadline=None)
@given(rules, st.sampled_from([1, 2]))
def test_the_charge_is_at_least_the_exact_rho_and_at_least_what_opendp_says(rule: LevelRule, months: int) -> None:
    cost = charge([rule], months)
    paid = Fraction(cost.units, UNITS)
    distance = math.nextafter(math.sqrt(rule.bound * months), math.inf)
    assert paid >= cost.exact == Fraction(rule.bound * months) / (2 * Fraction(rule.sigma) ** 2)
    assert paid >= Fraction(gaussian(scale_of(rule.sigma)).map(distance))
    assert paid <= cost.exact * (1 + Fraction(1, 10**12)) + Fraction(2, UNITS)


def test_weighted_levels_cost_the_same_in_sixty_fourths() -> None:
    rule = LevelRule("rows", Decimal("5140.968"), 16384, None)
    distance = math.nextafter(math.sqrt(16384), math.inf)
    assert gaussian(scale_of(rule.sigma, 64)).map(64 * distance) == gaussian(scale_of(rule.sigma)).map(distance)


@pytest.mark.parametrize(
    ("cap", "units"),
    [("1.0", UNITS), ("0.9999999999999", UNITS - 1), ("0.0000000000019", 1), ("3.1", 31 * UNITS // 10)],
)
def test_the_cap_is_rounded_down(cap: str, units: int) -> None:
    assert cap_units(Decimal(cap)) == units


def test_units_are_shown_as_rho() -> None:
    assert rho_of(UNITS // 2) == 0.5


@pytest.mark.parametrize(("rho", "expected"), [(1, 9.52), (3.1, 18.30), (Fraction(923, 1000), 9.10)])
def test_epsilon_is_quoted_at_the_deltas_of_the_policy(rho: float, expected: float) -> None:
    assert epsilon(rho, 1e-9) == pytest.approx(expected, abs=0.01)


def test_a_month_in_which_nothing_was_spent_has_epsilon_zero() -> None:
    assert epsilon(0, 1e-9) == 0


def test_epsilon_grows_with_rho() -> None:
    quoted = [epsilon(rho, 1e-9) for rho in (1e-12, 1e-6, 0.01, 0.5, 1.0)]
    assert quoted == sorted(quoted)
    assert quoted[0] > 0


@pytest.mark.parametrize(("cap", "most"), [(0, 50), (1, 77), (3.1, 90), (12, 100)])
def test_the_cap_in_words_is_the_share_of_right_guesses(cap: float, most: int) -> None:
    assert guesses(cap) == most


def test_no_guess_at_discrete_noise_is_right_more_often_than_is_said() -> None:
    sigma, shift = 10, 14
    weights = {k: math.exp(-(k**2) / (2 * sigma**2)) for k in range(-200, 201)}
    likelier = sum(max(weight, weights.get(k - shift, 0)) for k, weight in weights.items())
    right = likelier / sum(weights.values()) / 2
    assert 0.75 < right <= guesses(shift**2 / (2 * sigma**2)) / 100
