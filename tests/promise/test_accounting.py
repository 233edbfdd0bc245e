"""What the ledger charges, recomputed by another library (dp-accounting), and months at the border of their cap."""

import math
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tasks.period import Cadence, Period, day_hours
from tasks.policy import Policy
from tasks.policy_file import LONGEST_MONTH, load, longest_month
from tasks.privacy.accounting import UNITS, PrivacyCost, cap_units, charge, epsilon, rho_of
from tasks.privacy.bounds import LevelRule
from tasks.products import registry
from tasks.products.spec import DataProduct

ROOT = Path(__file__).parents[2]
POLICIES = ["policy.toml", "policy.standard.toml"]
DELTA = 1e-9


@pytest.fixture(scope="module")
def dp() -> Any:
    """dp-accounting, imported late: each test process that only collects would load SciPy."""
    import dp_accounting.pld
    import dp_accounting.rdp
    from absl import logging

    # absl closes the stderr it met at its import, here pytest's own, once logging is set up anew.
    logging.get_absl_handler().python_handler.stream = sys.__stderr__
    return dp_accounting


def scheduled(policy: Policy) -> Iterator[tuple[tuple[LevelRule, ...], int]]:
    """The rules of every scheduled release of the costliest month, each with the months its period touches."""
    for product in registry.drawn():
        for cadence in product.cadences:
            for hours, months in LONGEST_MONTH[cadence]:
                yield product.rules(policy, cadence, hours), months


def charges(policy: Policy) -> list[PrivacyCost]:
    return [charge(rules, months) for rules, months in scheduled(policy)]


def as_events(dp: Any, policy: Policy) -> Any:
    """The same month as dp-accounting sees it: Gaussian mechanisms by noise over sensitivity."""
    return dp.ComposedDpEvent(
        [
            dp.GaussianDpEvent(float(rule.sigma) / math.sqrt(rule.bound * months))
            for rules, months in scheduled(policy)
            for rule in rules
        ]
    )


@pytest.mark.parametrize("name", POLICIES)
def test_the_units_charged_over_the_longest_month_fit_the_cap(name: str) -> None:
    policy = load(ROOT / name).policy
    assert sum(c.units for c in charges(policy)) <= cap_units(policy.budget.cap)
    assert sum((c.exact for c in charges(policy)), Fraction(0)) == longest_month(policy)


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York"])
def test_no_month_of_six_years_costs_more_than_the_longest(timezone: str) -> None:
    """Clocks go back inside a week of October here, and in a week over a month's border there."""
    policy, local = load().policy, ZoneInfo(timezone)

    @cache
    def hours(period: Period) -> int:
        return sum(len(day_hours(day, local)) for day in period.days)

    @cache
    def spent(part: DataProduct, cadence: Cadence, hours: int, months: int) -> Fraction:
        return charge(part.rules(policy, cadence, hours), months).exact

    for number in range(72):
        month = Period.month(date(2026 + number // 12, number % 12 + 1, 1))
        total = Fraction(0)
        for part in registry.drawn():
            for period in {period for day in month.days for period in part.periods(day)}:
                total += spent(part, period.cadence, hours(period), len(period.months))
        assert total <= longest_month(policy), month


@pytest.mark.parametrize("name", POLICIES)
def test_dp_accounting_finds_the_same_rho_and_no_larger_epsilon(dp: Any, name: str) -> None:
    policy = load(ROOT / name).policy
    spent = rho_of(sum(c.units for c in charges(policy)))
    renyi = dp.rdp.RdpAccountant().compose(as_events(dp, policy))
    by_rho = dp.rdp.RdpAccountant().compose(dp.ZCDpEvent(spent))
    assert renyi.get_epsilon(DELTA) == pytest.approx(by_rho.get_epsilon(DELTA), rel=1e-9)
    assert epsilon(spent, DELTA) == pytest.approx(renyi.get_epsilon(DELTA), rel=1e-3)
    exact = dp.pld.PLDAccountant(value_discretization_interval=1e-3).compose(as_events(dp, policy)).get_epsilon(DELTA)
    assert 0.9 * epsilon(spent, DELTA) < exact < epsilon(spent, DELTA)


@pytest.mark.parametrize(("cap", "quoted", "exact"), [("1.0", 9.5, 9.1), ("3.1", 18.3, 17.5)])
def test_the_caps_are_worth_the_epsilon_that_is_quoted(dp: Any, cap: str, quoted: float, exact: float) -> None:
    rho = float(cap)
    assert round(epsilon(rho, DELTA), 1) == quoted
    gaussian = dp.GaussianDpEvent(1 / math.sqrt(2 * rho))
    assert dp.pld.PLDAccountant().compose(gaussian).get_epsilon(DELTA) == pytest.approx(exact, abs=0.06)


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_month_is_full_exactly_at_its_cap(step: int) -> None:
    cost = charge([LevelRule("level", Decimal(32), 24, None)], 1)
    cap = cap_units(Decimal(10 * cost.units + step) / UNITS)
    assert (10 * cost.units <= cap) == (step >= 0)


def test_rounding_up_costs_less_than_a_millionth() -> None:
    for rules, months in scheduled(load(ROOT / "policy.toml").policy):
        cost = charge(rules, months)
        assert cost.exact <= Fraction(cost.units, UNITS) < cost.exact * (1 + Fraction(1, 10**6))
