"""Status: per client and product its newest data, next deadline and late periods; budget; actions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tasks.alerts import alerts
from tasks.errors import Misconfigured
from tasks.events.formats import load_formats
from tasks.events.landing import first_label
from tasks.period import days_of
from tasks.plan import Mode, Plan, daily_plan, make_plan
from tasks.plan.states import State, Target
from tasks.status.actions import MISCONFIGURED, ActionItem, action_items, out_of_view, silent, unfinished, unreadable
from tasks.status.health import DeliveryHealth, delivery_health
from tasks.status.summaries import Cost, Failure, Month, costs, failures, latest_daily, months
from tasks.store import PlanningStores
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import Run

__all__ = ["ActionItem", "Cost", "DeliveryHealth", "Failure", "Month", "Status", "status"]

DAYS = 35
"""Days that the grid shows; lateness covers all days."""

RUNS = 1000
"""The number of latest runs that failures and costs come from."""


@dataclass(frozen=True)
class Status:
    """The status of an installation at one moment."""

    now: datetime
    timezone: str
    delta: float
    plan: Plan
    """The targets of the days in view."""
    due: int
    """Steps that the next `daily` runs."""
    delivery_health: tuple[DeliveryHealth, ...]
    months: tuple[Month, ...]
    action_items: tuple[ActionItem, ...]
    failures: tuple[Failure, ...]
    costs: tuple[Cost, ...]
    runs: tuple[Run, ...]
    """The latest, newest first."""

    def document(self) -> dict[str, Any]:
        """The status as JSON, without the plan's single steps."""
        lists = {
            "standings": self.delivery_health,
            "months": self.months,
            "todos": self.action_items,
            "failures": self.failures,
            "costs": self.costs,
        }
        return {
            "now": self.now,
            "verdict": self.verdict,
            "late": self.late,
            "due": self.due,
            **{name: [vars(line) for line in lines] for name, lines in lists.items()},
            "cells": [vars(target) for target in self.plan.targets],
        }

    @property
    def local(self) -> datetime:
        """The moment on the network's clock."""
        return self.now.astimezone(ZoneInfo(self.timezone))

    @property
    def last_daily(self) -> Run | None:
        """The schedule's latest run."""
        return latest_daily(self.runs)

    @property
    def late(self) -> int:
        """Periods past their deadline that can still be delivered."""
        return sum(len(health.late) for health in self.delivery_health)

    def asks(self, failure: Failure) -> bool:
        """Whether an action item covers this failure."""
        return any(f"{failure.verb} {failure.subject}" in item.subjects for item in self.action_items)

    def explains(self, target: Target) -> bool:
        """Whether an action item covers this period."""
        waits, drawn = (
            f"{target.client} {target.product} {target.period}",
            re.compile(rf"{target.product}/v\d+/{target.period}/r"),
        )
        return any(
            waits in (*item.subjects, *item.holds_up) or any(map(drawn.match, item.subjects))
            for item in self.action_items
        )

    @property
    def verdict(self) -> str:
        """`act`, `look`, `well`, or `new` for an unused installation."""
        if any(item.urgent for item in self.action_items):
            return "act"
        if not self.delivery_health and not self.runs:
            return "new"
        return "look" if self.action_items else "well"


def status(stores: PlanningStores, now: datetime, days: int = DAYS) -> Status:
    """Read the whole status; an unreadable landing becomes the first action and hides only what depends on it."""
    time = stores.policy.policy.time
    today = now.astimezone(time.local).date()
    empty, fault = Plan(today, today, Mode.MISSING, (), (), ()), []
    try:
        shown, due = _shown(stores, today, now, days) or empty, daily_plan(stores, now)
    except Misconfigured as error:
        shown, due = empty, empty
        fault = [ActionItem(MISCONFIGURED, ("landing",), error.what, error.action)]
    late, planned = _late((*shown.targets, *due.targets)), _late(due.targets)
    old = [target for name, target in late.items() if name not in planned]
    runs = stores.catalog.runs(RUNS)
    found = [
        *fault,
        *out_of_view(old, shown.steps, time.catch_up_days),
        *action_items(alerts(stores, due, now), due.targets),
    ]
    found += [*silent(latest_daily(runs), now, time.local), *unfinished(runs, shown.targets, time.local)]
    found += unreadable(stores.catalog.deliveries())
    return Status(
        now=now,
        timezone=time.timezone,
        delta=stores.policy.policy.budget.delta,
        plan=shown,
        due=len(due.due),
        delivery_health=tuple(delivery_health(stores, set(late), now)),
        months=tuple(months(stores, {f"{day:%Y-%m}" for day in days_of(shown.first, today)})),
        action_items=tuple(sorted(found, key=lambda item: not item.urgent)),
        failures=tuple(failures(runs)),
        costs=tuple(costs(runs)),
        runs=tuple(runs),
    )


def _shown(stores: PlanningStores, today: date, now: datetime, days: int) -> Plan | None:
    """The plan of the last days, from the first data and grant on; None before them."""
    grants = [grant.since for row in stores.catalog.active_clients() for grant in ClientSpec.stored(row.spec).grants]
    landed = first_label(stores.settings.landing_root, load_formats(stores.settings.mapping))
    begun = [*grants, *(row.day for row in stores.catalog.generations()[:1]), *filter(None, [landed])]
    last = today - timedelta(days=1)
    first = max(today - timedelta(days=days), min(begun, default=today))
    return make_plan(stores, first, last, now) if first <= last else None


def _late(targets: Iterable[Target]) -> dict[tuple[str, str, str], Target]:
    """Late periods that can still be delivered, by client, product and period."""
    late = (target for target in targets if target.late and target.state is not State.IMPOSSIBLE)
    return {(target.client, target.product, target.period): target for target in late if target.client}
