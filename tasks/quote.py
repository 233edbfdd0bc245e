"""quote(product, period): what a release would cost, and how exact it would be, before anything is charged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist

from tasks.completeness import check_complete
from tasks.interval import Z90
from tasks.period import Period
from tasks.privacy.accounting import cap_units, rho_of
from tasks.privacy.bounds import LevelRule
from tasks.products.registry import of_period
from tasks.release import budgets, closed_at, latest_drawn, outstanding, privacy_cost, rules_of
from tasks.store import CatalogStores
from tasks.store.ledger import ReleaseKey

SIZES = (100, 300, 1_000, 3_000, 10_000)
"""True numbers for which the error is quoted."""
_NORMAL = NormalDist()
MEDIAN = _NORMAL.inv_cdf(0.75)
"""The median of a standard normal error's absolute value."""


@dataclass(frozen=True)
class ExpectedError:
    """What noise alone does to a number of a level; errors of silence and borders come on top."""

    level: str
    true_number: int
    median_error: float
    """As a share of the true number."""
    interval_half: float
    """Half of the 90 % interval, in what the level counts."""
    withheld: float
    """The share of such numbers that fall below the threshold."""


@dataclass(frozen=True)
class MonthQuote:
    """A month that pays, in rho: the charge, what is left before it, and what the schedule still needs."""

    month: str
    rho: float
    left: float
    scheduled: float
    """Of all releases that are still to come, this one included unless it is drawn."""


@dataclass(frozen=True)
class Quote:
    """A release's cost and expected errors."""

    product: str
    period: str
    release: str | None
    """The latest release of the period, if it is drawn: then the quote is that of a revision."""
    months: tuple[MonthQuote, ...]
    """Empty where nothing is charged."""
    errors: tuple[ExpectedError, ...]
    computed: tuple[str, ...]
    """Levels that are computed from noisy numbers, for free."""


def quote(stores: CatalogStores, name: str, period: Period, now: datetime) -> Quote:
    """Quote a release by catalog, ledger and policy alone.

    Raises Misconfigured for an unknown product or cadence, and RefusedRelease for a period that publish refuses because
    too many of its days never came.
    """
    product, policy = of_period(name, period), stores.policy.policy
    if now >= closed_at(period, policy):
        there = dict.fromkeys((day.day for day in stores.catalog.days(period.first, period.days[-1])), 0)
        check_complete(product, period, policy.time.local, there)
    cost = privacy_cost(product, period, policy)
    left = {budget.month: budget.left for budget in budgets(stores)}
    months = tuple(
        MonthQuote(
            month,
            rho_of(cost.units),
            rho_of(left.get(month, cap_units(policy.budget.cap))),
            rho_of(outstanding(stores, Period.parse(month))),
        )
        for month in (period.months if cost.units else ())
    )
    drawn, rules = latest_drawn(stores, product, period), rules_of(product, period, policy)
    names = {rule.name for rule in rules}
    return Quote(
        name,
        str(period),
        str(ReleaseKey.of(drawn)) if drawn else None,
        months,
        tuple(error for rule in rules for error in _errors(rule)),
        tuple(level.name for level in product.by_levels(names).released if level.name not in names),
    )


def _errors(rule: LevelRule) -> Iterator[ExpectedError]:
    sigma = float(rule.sigma)
    for size in SIZES:
        withheld = 0.0 if rule.threshold is None else _NORMAL.cdf((rule.threshold - size) / sigma)
        yield ExpectedError(rule.name, size, MEDIAN * sigma / size, Z90 * sigma, withheld)
