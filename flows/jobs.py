"""Runs over many periods: what each is called, and how its plan is made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from tasks.plan import Mode, Plan, daily_plan, make_plan
from tasks.release import utc_now
from tasks.store import open_planning


@dataclass(frozen=True)
class Job:
    """A run over many periods: verb, subject and how its plan is made."""

    verb: str
    subject: str
    plan: Callable[[], Plan]
    asked: str = ""
    """A person's request for a range, for the audit table."""
    parallel: int = 1
    dry_run: bool = False
    scheduled: bool = False
    """No person asked for it: a step that the budget blocks is reported, and is no failure."""


def daily_job(day: date | None = None) -> Job:
    """All that is due; or one day, rejected or not."""
    return Job("daily", str(day or "all that is due"), partial(_daily_plan, day), scheduled=day is None)


def _daily_plan(day: date | None) -> Plan:
    stores, now = open_planning(), utc_now()
    return make_plan(stores, day, day, now) if day else daily_plan(stores, now)


def backfill_job(
    first: date,
    last: date,
    product: str | None = None,
    client: str | None = None,
    mode: str = "missing",
    parallel: int = 1,
    dry_run: bool = False,
    newest_first: bool = False,
) -> Job:
    """All that a range of days lacks."""
    only = [f"product {product}"] * bool(product) + [f"client {client}"] * bool(client)
    asked = ", ".join([f"mode {mode}", *only, f"{parallel} at once", *["newest first"] * newest_first])

    def plan() -> Plan:
        return make_plan(open_planning(), first, last, utc_now(), Mode(mode), product, client, newest_first)

    return Job("backfill", f"{first} to {last}", plan, asked, parallel, dry_run)
