"""Metrics: one file in Prometheus' text format, for node_exporter's textfile collector.

Totals by client, product, month, verb and kind only: nothing of a person, nothing by zone, hour or attribute.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from tasks.alerts import Alert, AlertKind
from tasks.period import Period, day_start
from tasks.plan.states import Plan, State, counted
from tasks.release import budgets
from tasks.store import PlanningStores
from tasks.store.atomic_files import replace_file
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import DeliveryState, Run

NAME = "metrics.prom"
Sample = tuple[Mapping[str, str], float]


def write_metrics(stores: PlanningStores, plan: Plan, found: Sequence[Alert], now: datetime) -> Path:
    """Write the file, whole or not at all: in the home for this user, elsewhere for the monitoring's user too."""
    elsewhere = stores.settings.metrics
    path = (elsewhere or stores.settings.home / NAME).absolute()
    replace_file(path, render(stores, plan, found, now).encode(), 0o644 if elsewhere else 0o600)
    return path


def render(stores: PlanningStores, plan: Plan, found: Sequence[Alert], now: datetime) -> str:
    """Return every metric; `plan` is the schedule's, `found` its alerts."""
    registry = CollectorRegistry()
    registry.register(_Metrics(stores, plan, found, now))
    return generate_latest(registry).decode()


@dataclass(frozen=True, eq=False)
class _Metrics(Collector):
    stores: PlanningStores
    plan: Plan
    found: Sequence[Alert]
    now: datetime

    def collect(self) -> Iterator[Metric]:
        yield from _of_plan(self.stores, self.plan, self.now)
        yield from _of_catalog(self.stores, self.found)
        yield from _of_runs(self.stores.catalog.last_runs().values())
        written: list[Sample] = [({}, self.now.timestamp())]
        yield _gauge("metrics_written_timestamp_seconds", "When this file was written.", written)


def _gauge(name: str, meaning: str, samples: Iterable[Sample]) -> Metric:
    """Return a gauge with one sample for each set of labels."""
    gauge = Metric(f"throng_{name}", meaning, "gauge")
    for labels, value in samples:
        gauge.add_sample(gauge.name, dict(labels), value)
    return gauge


def _of_plan(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Metric]:
    targets = sorted({(target.product, target.client or "") for target in plan.targets})
    by_state: list[Sample] = [
        ({"product": product, "client": client, "state": state}, number)
        for product, client in targets
        for state, number in counted(
            target.state for target in plan.targets if (target.product, target.client or "") == (product, client)
        ).items()
    ]
    yield _gauge("freshness_seconds", "Age of the newest delivered period: since its end.", _freshness(stores, now))
    yield _gauge("periods", "Periods of the schedule's plan by state; no client: for ourselves.", by_state)
    open_ = [target.client for target in plan.targets if target.late and target.state is not State.IMPOSSIBLE]
    late: list[Sample] = [({"client": name}, open_.count(name)) for name in _clients(stores)]
    yield _gauge("deliveries_late", "Periods that were promised by now, can be had, and are not delivered.", late)


def _freshness(stores: PlanningStores, now: datetime) -> Iterator[Sample]:
    """Data age, not run age; a grant without a delivery counts from its start."""
    zone = stores.policy.policy.time.local
    today = now.astimezone(zone).date()
    for name, spec in _clients(stores).items():
        sent = [row for row in stores.catalog.deliveries(name) if row.state is DeliveryState.DELIVERED]
        for grant in spec.grants:
            if grant.since <= today and (grant.until is None or grant.until >= today):
                ends = [Period.parse(row.period).end for row in sent if row.product == grant.product]
                age = now - day_start(max(ends, default=grant.since), zone)
                yield {"client": name, "product": grant.product}, age.total_seconds()


def _clients(stores: PlanningStores) -> dict[str, ClientSpec]:
    return {row.name: ClientSpec.stored(row.spec) for row in stores.catalog.clients()}


def _of_catalog(stores: PlanningStores, found: Sequence[Alert]) -> Iterator[Metric]:
    left: list[Sample] = [({"month": month.month}, month.left / month.cap) for month in budgets(stores)]
    yield _gauge("budget_left_ratio", "Share of the month's privacy budget (rho) that is left.", left)
    kinds: list[Sample] = [({"kind": kind}, sum(alert.kind == kind for alert in found)) for kind in AlertKind]
    yield _gauge("alerts", "Open alerts by kind.", kinds)


def _of_runs(runs: Iterable[Run]) -> Iterator[Metric]:
    """The last finished run of each verb."""
    last = {run.verb: run for run in sorted(runs, key=lambda run: run.id) if run.ended}
    samples = {verb: _facts(run, run.ended) for verb, run in sorted(last.items()) if run.ended}
    for name, meaning in _LAST_RUN.items():
        yield _gauge(f"last_run_{name}", meaning, [({"verb": verb}, facts[name]) for verb, facts in samples.items()])


def _facts(run: Run, ended: datetime) -> Mapping[str, float]:
    return {
        "exit_code": run.exit_code or 0,
        "timestamp_seconds": ended.timestamp(),
        "duration_seconds": (ended - run.started).total_seconds(),
        "cpu_seconds": run.cpu_seconds or 0.0,
    }


_LAST_RUN = {
    "exit_code": "Exit code of the verb's last run.",
    "timestamp_seconds": "When the verb's last run ended.",
    "duration_seconds": "How long the verb's last run took.",
    "cpu_seconds": "CPU time of the verb's last run.",
}
