"""A month's budget: one conditional UPDATE decides, so that no two processes can both have the last of it."""

from typing import Any, cast

from sqlalchemy import CursorResult, func, text
from sqlmodel import Session, col, select, update

from tasks.errors import RefusedRelease
from tasks.store.tables import Charge, MonthBudget, Release

UNITS = 10**12
"""Ledger units in one rho."""

_OPEN = text("INSERT INTO month_budget (month, cap, spent) VALUES (:month, :cap, 0) ON CONFLICT (month) DO NOTHING")
_LOWER = text(
    "UPDATE month_budget SET cap = CASE WHEN spent > :cap THEN spent ELSE :cap END WHERE month = :month AND cap > :cap"
)


def charge_month(session: Session, month: str, units: int, cap_units: int, keep_units: int) -> None:
    """Spend units of the month, leaving `keep_units`, or raise RefusedRelease; amounts in 1e-12 rho.

    The cap is fixed at the month's first charge; a policy with a lower cap lowers it, a higher one changes nothing.
    """
    cap = {"month": month, "cap": cap_units}
    session.execute(_OPEN, cap)
    session.execute(_LOWER, cap)
    # read-check-write granted twice the cap on PostgreSQL; this holds at READ COMMITTED, where the row is read again
    spend = (
        update(MonthBudget)
        .where(col(MonthBudget.month) == month, col(MonthBudget.spent) + units + keep_units <= col(MonthBudget.cap))
        .values(spent=col(MonthBudget.spent) + units)
    )
    if cast(CursorResult[Any], session.execute(spend)).rowcount != 1:
        raise _over_cap(session, month, units, keep_units)


def _over_cap(session: Session, month: str, units: int, keep_units: int) -> RefusedRelease:
    budget = session.exec(select(MonthBudget).where(MonthBudget.month == month)).one()
    kept = f", {_rho(keep_units)} of it kept for the month's scheduled releases" if keep_units else ""
    return RefusedRelease(
        f"The budget of {month} does not suffice: asked rho {_rho(units)}, left {_rho(budget.left)} of "
        f"{_rho(budget.cap)}{kept}. Charged so far: {_charged(session, month)}.",
        f"Draw no revision of {month}: `throng budget --month {month}` shows its charges. "
        "A scheduled release stays blocked; ask the privacy officer.",
        "budget.insufficient",
    )


def _charged(session: Session, month: str) -> str:
    """The month's charges by product: what could be dropped from here on."""
    totals = (
        select(Release.product, func.count(), func.sum(Charge.units))
        .join(Charge)
        .where(Charge.month == month)
        .group_by(Release.product)
        .order_by(Release.product)
    )
    parts = [f"{product} {_rho(int(units))} in {count}" for product, count, units in session.exec(totals)]
    return ", ".join(parts) or "nothing"


def _rho(units: int) -> str:
    return f"{units / UNITS:.6f}"
