"""Metrics: one file in Prometheus' text format, for node_exporter's textfile collector.

Totals by client, product, month, verb and kind only: nothing of a person, nothing by zone, hour or attribute.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from tasks.alerts import Alert, AlertKind
from tasks.period import Period, day_start
from tasks.plan.states import Plan, State
from tasks.release import budgets
from tasks.store import PlanningStores
from tasks.store.atomic_files import replace_file
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import DeliveryState, Run

NAME = "metrics.prom"
Measured = tuple[str, str, Sequence[str], Mapping[Any, float]]
"""A metric's name, its meaning, the names of its labels, and its samples by the labels' values."""


def write_metrics(stores: PlanningStores, plan: Plan, found: Sequence[Alert], now: datetime) -> Path:
    """Write the file, whole or not at all: in the home for this user, elsewhere for the monitoring's user too."""
    elsewhere = stores.settings.metrics
    path = (elsewhere or stores.settings.home / NAME).absolute()
    replace_file(path, render(stores, plan, found, now).encode(), 0o644 if elsewhere else 0o600)
    return path


def render(stores: PlanningStores, plan: Plan, found: Sequence[Alert], now: datetime) -> str:
    """Return every metric; `plan` is the schedule's, `found` its alerts."""
    registry = CollectorRegistry()
    for name, meaning, labels, samples in _measured(stores, plan, found, now):
        gauge = Gauge(f"throng_{name}", meaning, labels, registry=registry)
        for values, value in samples.items():
            (gauge.labels(*values) if values else gauge).set(value)
    return generate_latest(registry).decode()


def _measured(stores: PlanningStores, plan: Plan, found: Sequence[Alert], now: datetime) -> Iterator[Measured]:
    of = ("product", "client", "state")
    clients = {row.name: ClientSpec.stored(row.spec) for row in stores.catalog.active_clients()}
    fresh = {(name, product): age for name, spec in clients.items() for product, age in _ages(stores, spec, now)}
    yield "freshness_seconds", "Age of the newest delivered period: since its end.", ("client", "product"), fresh
    periods = Counter((target.product, target.client or "", target.state.value) for target in plan.targets)
    yield "periods", "Periods of the schedule's plan by state; no client: for ourselves.", of, periods
    late = [target.client for target in plan.targets if target.late and target.state is not State.IMPOSSIBLE]
    by_client = {(name,): late.count(name) for name in clients}
    meaning = "Periods that were promised by now, can be had, and are not delivered."
    yield "deliveries_late", meaning, ("client",), by_client
    left = {(month.month,): month.left / month.cap for month in budgets(stores)}
    yield "budget_left_ratio", "Share of the month's privacy budget (rho) that is left.", ("month",), left
    kinds = {(kind.value,): sum(alert.kind == kind for alert in found) for kind in AlertKind}
    yield "alerts", "Open alerts by kind.", ("kind",), kinds
    yield from _of_runs(stores.catalog.last_runs().values())
    yield "metrics_written_timestamp_seconds", "When this file was written.", (), {(): now.timestamp()}


def _ages(stores: PlanningStores, spec: ClientSpec, now: datetime) -> Iterator[tuple[str, float]]:
    """Seconds since the end of each granted product's newest data; without a delivery, since its grant began."""
    zone = stores.policy.policy.time.local
    today = now.astimezone(zone).date()
    sent = [row for row in stores.catalog.deliveries(spec.name) if row.state is DeliveryState.DELIVERED]
    for grant in spec.grants:
        if grant.since <= today and (grant.until is None or grant.until >= today):
            ends = [Period.parse(row.period).end for row in sent if row.product == grant.product]
            yield grant.product, (now - day_start(max(ends, default=grant.since), zone)).total_seconds()


def _of_runs(runs: Iterable[Run]) -> Iterator[Measured]:
    """The last finished run of each verb."""
    ended = {run.verb: (run, run.ended) for run in sorted(runs, key=lambda run: run.id) if run.ended}
    last = [(verb, *ended[verb]) for verb in sorted(ended)]
    for name, meaning, samples in (
        ("exit_code", "Exit code of the verb's last run.", {(verb,): run.exit_code or 0 for verb, run, _ in last}),
        ("timestamp_seconds", "When the verb's last run ended.", {(verb,): at.timestamp() for verb, _, at in last}),
        (
            "duration_seconds",
            "How long the verb's last run took.",
            {(verb,): (at - run.started).total_seconds() for verb, run, at in last},
        ),
        ("cpu_seconds", "CPU time of the verb's last run.", {(verb,): run.cpu_seconds or 0.0 for verb, run, _ in last}),
    ):
        yield f"last_run_{name}", meaning, ("verb",), samples
