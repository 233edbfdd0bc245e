"""Where everything stands: for each client and product what it has, expects and lacks; the budget; what to do."""

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
from tasks.plan import Mode, Plan, daily_plan, make_plan
from tasks.plan.states import Cell, State
from tasks.status.books import Cost, Failure, Month, costs, failures, latest_daily, months
from tasks.status.standing import Standing, standings
from tasks.status.todo import MISCONFIGURED, Todo, out_of_view, silent, todos, unfinished, unreadable
from tasks.store import Stores
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import Run

__all__ = ["Cost", "Failure", "Month", "Standing", "Status", "Todo", "status"]

DAYS = 35
"""Days that the grid shows; lateness is judged over all."""

RUNS = 1000
"""Runs, the latest ones, that failures and costs are read from."""


@dataclass(frozen=True)
class Status:
    """How an installation stands at a moment."""

    now: datetime
    timezone: str
    delta: float
    plan: Plan
    """Of the days in view."""
    due: int
    """Steps that the next `daily` runs."""
    standings: tuple[Standing, ...]
    months: tuple[Month, ...]
    todos: tuple[Todo, ...]
    failures: tuple[Failure, ...]
    costs: tuple[Cost, ...]
    runs: tuple[Run, ...]
    """The latest, newest first."""

    def document(self) -> dict[str, Any]:
        """Everything as JSON, but for the plan's single steps."""
        lists = ("standings", "months", "todos", "failures", "costs")
        return {
            "now": self.now,
            "verdict": self.verdict,
            "late": self.late,
            "due": self.due,
            **{name: [vars(line) for line in getattr(self, name)] for name in lists},
            "cells": [vars(cell) for cell in self.plan.cells],
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
        """Periods past their deadline that can still be had."""
        return sum(len(standing.late) for standing in self.standings)

    def asks(self, failure: Failure) -> bool:
        """Whether one of the things to do is to mend this failure."""
        return any(f"{failure.verb} {failure.subject}" in todo.subjects for todo in self.todos)

    def explains(self, cell: Cell) -> bool:
        """Whether one of the things to do is about this period."""
        waits, drawn = (
            f"{cell.client} {cell.product} {cell.period}",
            re.compile(rf"{cell.product}/v\d+/{cell.period}/r"),
        )
        return any(
            waits in (*todo.subjects, *todo.holds_up) or any(map(drawn.match, todo.subjects)) for todo in self.todos
        )

    @property
    def verdict(self) -> str:
        """`act`, `look`, `well`, or `new` where nothing was ever asked for or done."""
        if any(todo.urgent for todo in self.todos):
            return "act"
        if not self.standings and not self.runs:
            return "new"
        return "look" if self.todos else "well"


def status(stores: Stores, now: datetime, days: int = DAYS) -> Status:
    """Read everything; a landing that cannot be read is the first thing to do, and hides only what depends on it."""
    time = stores.policy.policy.time
    today = now.astimezone(time.local).date()
    empty, fault = Plan(today, today, Mode.MISSING, (), (), ()), []
    try:
        shown, due = _shown(stores, today, now, days) or empty, daily_plan(stores, now)
    except Misconfigured as error:
        shown, due = empty, empty
        fault = [Todo(MISCONFIGURED, ("landing",), error.what, error.action)]
    late, planned = _late((*shown.cells, *due.cells)), _late(due.cells)
    old = [cell for name, cell in late.items() if name not in planned]
    runs = stores.catalog.runs(RUNS)
    found = [*fault, *out_of_view(old, shown.steps, time.catch_up_days), *todos(alerts(stores, due, now), due.cells)]
    found += [*silent(latest_daily(runs), now, time.local), *unfinished(runs, shown.cells, time.local)]
    found += unreadable(stores.catalog.deliveries())
    return Status(
        now=now,
        timezone=time.timezone,
        delta=stores.policy.policy.budget.delta,
        plan=shown,
        due=len(due.due),
        standings=tuple(standings(stores, set(late), now)),
        months=tuple(months(stores, _months(shown.first, today))),
        todos=tuple(sorted(found, key=lambda todo: not todo.urgent)),
        failures=tuple(failures(runs)),
        costs=tuple(costs(runs)),
        runs=tuple(runs),
    )


def _shown(stores: Stores, today: date, now: datetime, days: int) -> Plan | None:
    """The plan of the last days, no further back than the first data and the first grant; None before there are any."""
    grants = [grant.since for row in stores.catalog.clients() for grant in ClientSpec.stored(row.spec).grants]
    landed = first_label(stores.settings.landing_root, load_formats(stores.settings.mapping))
    begun = [*grants, *(row.day for row in stores.catalog.generations()[:1]), *filter(None, [landed])]
    last = today - timedelta(days=1)
    first = max(today - timedelta(days=days), min(begun, default=today))
    return make_plan(stores, first, last, now) if first <= last else None


def _late(cells: Iterable[Cell]) -> dict[tuple[str, str, str], Cell]:
    """What is past its deadline and can still be had, by client, product and period."""
    late = (cell for cell in cells if cell.late and cell.state is not State.IMPOSSIBLE)
    return {(cell.client, cell.product, cell.period): cell for cell in late if cell.client}


def _months(first: date, last: date) -> set[str]:
    return {f"{first + timedelta(days=n):%Y-%m}" for n in range((last - first).days + 1)}
