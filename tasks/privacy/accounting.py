"""What a release costs: rho-zCDP of a subscriber-month, in whole units of 1e-12, from the rules it is drawn by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist

from tasks.privacy.bounds import LevelRule
from tasks.privacy.noise import gaussian, scale_of

UNITS = 10**12
"""Ledger units in one rho."""


@dataclass(frozen=True)
class PrivacyCost:
    """What each touched month pays: ledger units (rounded up), and the exact rho beside them."""

    units: int
    exact: Fraction


def charge(rules: Sequence[LevelRule], months: int) -> PrivacyCost:
    """The charge to each touched month; one that shares the period with another month pays twice the rho."""
    costs = [_rho(rule, 2 if months > 1 else 1) for rule in rules]
    return PrivacyCost(
        sum(math.ceil(max(cost) * UNITS) for cost in costs), sum((exact for exact, _ in costs), Fraction(0))
    )


def _rho(rule: LevelRule, factor: int) -> tuple[Fraction, Fraction]:
    """Exact d^2 / (2 sigma^2), and what OpenDP's map says of the very measurement that is drawn.

    Inside one month d^2 = K. If the period has other months too, removing one changes a non-negative vector of
    norm <= sqrt(K) into another such vector, so d^2 = 2K.
    """
    squared = rule.bound * factor
    # the next float: a rounded-down root would make the map return too little
    distance = math.nextafter(math.sqrt(squared), math.inf)
    return exact_rho(rule, factor), Fraction(gaussian(scale_of(rule.sigma)).map(distance))


def exact_rho(rule: LevelRule, factor: int = 1) -> Fraction:
    """Exact rho of one level: K / (2 sigma^2), times `factor`."""
    return rule.bound * factor / (2 * Fraction(rule.sigma) ** 2)


def cap_units(cap: Decimal) -> int:
    """The policy's cap in ledger units, rounded down."""
    return math.floor(Fraction(cap) * UNITS)


def rho_of(units: int) -> float:
    """Ledger units as rho, for people to read."""
    return units / UNITS


def epsilon(rho: float | Fraction, delta: float) -> float:
    """The epsilon at which rho-zCDP is (epsilon, delta)-DP, by OpenDP's conversion (CKS 2020); for reports only."""
    import opendp.prelude as dp

    if not rho:
        return 0.0
    approximate = dp.c.make_zCDP_to_approxDP(gaussian(1.0))
    return float(approximate.map(math.nextafter(math.sqrt(2 * float(rho)), math.inf)).epsilon(delta))


def guesses(rho: float) -> int:
    """How many of 100 guesses at a fair coin that lets a subscriber in are right at best, given releases of this rho.

    Gaussian noise of total rho is exactly sqrt(2 rho)-GDP (Dong, Roth, Su 2022), for any prior knowledge; rounded up.
    """
    return math.ceil(100 * NormalDist().cdf(math.sqrt(rho / 2)))
