"""Alerts: what needs attention and what to do, from plan and catalog; nothing is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from tasks.errors import ThrongError
from tasks.events.gate import GateStatus
from tasks.period import Period, clock
from tasks.plan.states import Plan, State, Step
from tasks.privacy.accounting import rho_of
from tasks.products.registry import for_clients, of_period, published
from tasks.products.spec import DataProduct
from tasks.release import budgets, key_ends, latest_drawn, outstanding
from tasks.retention import EXPIRY
from tasks.store import PlanningStores
from tasks.store.client_spec import ClientSpec
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import DayGeneration, MonthBudget, ReleaseState

RECENT = timedelta(days=1)
"""How long an alert of a day's gate warning, or of a run outside the plan, stays open."""

NOTICE = timedelta(days=7)
"""How long before its destruction a key of an undrawn period raises an alert."""

EXPIRY_EVERY = timedelta(days=7)
"""`expire` runs daily; rows of subscribers who withdrew must be gone within 30 days."""

LOW = 10
"""A month's budget is low when less than a tenth of its cap is left."""

NOT_ALERTED = (None, 0, 2, 3, 130)
"""Exit codes of runs without an alert: running, done, usage, per step, stopped."""


class AlertKind(StrEnum):
    """Kinds of alerts, most urgent first; also the last part of the event's name."""

    DELIVERY_LATE = "delivery_late"
    RUN_FAILED = "run_failed"
    LANDING_OVERDUE = "landing_overdue"
    KEY_EXPIRING = "key_expiring"
    EXPIRY_OVERDUE = "expiry_overdue"
    BUDGET_LOW = "budget_low"
    RELEASE_REDRAWN = "release_redrawn"
    GATE_WARNING = "gate_warning"
    RELEASE_STALE = "release_stale"


@dataclass(frozen=True)
class Alert:
    """One alert: kind, subject, what is wrong, what to do."""

    kind: str
    subject: str
    what: str
    action: str


def failure(subject: str, error: ThrongError) -> Alert:
    """The alert of a failed run at its end; `subject` is verb and subject."""
    return Alert(AlertKind.RUN_FAILED, subject, error.what, error.action)


def alerts(stores: PlanningStores, plan: Plan, now: datetime) -> list[Alert]:
    """Every open alert, most urgent first; `plan` is the schedule's."""
    return [alert for source in _SOURCES for alert in source(stores, plan, now)]


def _late(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Deliveries past their deadline that are still possible."""
    zone = stores.policy.policy.time.local
    for target in plan.targets:
        if target.late and target.expected_by and target.state is not State.IMPOSSIBLE:
            by = clock(target.expected_by, zone)
            subject = f"{target.client} {target.product} {target.period}"
            yield Alert(
                AlertKind.DELIVERY_LATE, subject, f"Promised by {by}; {target.state}: {target.why}", HELP[target.state]
            )


def _failed(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Failed steps, each once, without the effects of other failures."""
    failed = {step.key: step for step in plan.steps if step.state is State.FAILED}
    for step in failed.values():
        if not any(before in failed for before in _before(step)):
            again = f"throng {step.verb} {step.subject}"
            action = (
                f"After the correction: {again}" if step.settled else f"The next daily run tries again; or now: {again}"
            )
            yield Alert(AlertKind.RUN_FAILED, f"{step.verb} {step.subject}", step.why, action)
    for (verb, subject), run in stores.catalog.last_runs().items():
        other = verb not in ("ingest", "publish", "deliver") and run.exit_code not in NOT_ALERTED
        if other and run.ended and now - run.ended < RECENT:
            what = run.message or f"It ended with {run.outcome}."
            again = "throng daily" if verb == "index" else f"throng {verb} {subject}"  # an index has no command
            yield Alert(AlertKind.RUN_FAILED, f"{verb} {subject}", what, f"After the correction: {again}")


def _before(step: Step) -> list[tuple[str, str]]:
    """Keys of the steps that share this step's failure."""
    if step.verb == "publish":
        return [("ingest", str(day)) for day in Period.parse(step.period).days]
    return [("publish", f"{step.product} {step.period}")] if step.verb == "deliver" else []


def _overdue(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    for step in plan.steps:
        if step.verb == "ingest" and step.overdue:
            yield Alert(AlertKind.LANDING_OVERDUE, step.period, step.why, HELP[State.WAITING])


def _stale(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    for step in plan.steps:
        if step.verb == "publish" and step.product and step.state is State.STALE:
            period = Period.parse(step.period)
            release = latest_drawn(stores, of_period(step.product, period), period)
            key = str(ReleaseKey.of(release)) if release else "RELEASE"
            again = f"throng publish {step.product} {step.period} --revision-of {key} --reason TEXT"
            action = f"Leave it, or draw again for rho {step.revision_rho or 0:.4f}{_first(plan, step)}: {again}"
            yield Alert(AlertKind.RELEASE_STALE, key, step.why, action)


def _first(plan: Plan, release: Step) -> str:
    """The step before a revision: late files must enter the lake."""
    days = {str(day) for day in Period.parse(release.period).days}
    changed = [s.period for s in plan.steps if s.verb == "ingest" and s.state is State.STALE and s.period in days]
    return f", after {', '.join(f'`throng ingest {day}`' for day in changed)}" if changed else ""


def _warned(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Gate warnings of recently ingested days; a rule that stops a day is a failed run."""
    for row in _current(stores, now):
        if row.ingested_at and now - row.ingested_at < RECENT:
            for line in stores.catalog.gate(row.day, row.generation):
                if line.severity == "warning" and line.status in (GateStatus.FAILED, GateStatus.ERROR):
                    yield Alert(AlertKind.GATE_WARNING, f"{line.rule} on {row.day}", line.message, line.action)


def _current(stores: PlanningStores, now: datetime) -> list[DayGeneration]:
    return stores.catalog.days(date.min, now.date())


def _low(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Low budgets of months with releases to draw, or not over."""
    today = now.astimezone(stores.policy.policy.time.local).date()
    kept = timedelta(days=stores.policy.policy.retention.keys_days)
    for budget in budgets(stores):
        month = Period.parse(budget.month)
        if month.end + kept < today:
            continue
        needed = outstanding(stores, month)
        if (needed or today < month.end) and (budget.left * LOW < budget.cap or budget.left < needed):
            yield Alert(AlertKind.BUDGET_LOW, budget.month, _left(budget, needed), _KEEP)


def _left(budget: MonthBudget, needed: int) -> str:
    left = f"rho {rho_of(budget.left):.4f} of {rho_of(budget.cap):.4f} is left"
    return f"{left}; the schedule's releases that are not drawn yet need {rho_of(needed):.4f}."


def _redrawn(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Recently repeated draws; nothing of the earlier draws had left."""
    for release in stores.ledger.releases():
        if release.redraws:
            key = str(ReleaseKey.of(release))
            intents = [entry.at for entry in stores.audit.entries(key) if entry.event == "draw intended"]
            if intents and now - intents[-1] < RECENT:
                what = f"Drawn {release.draws} times under one charge: a process died before the bytes were kept."
                yield Alert(AlertKind.RELEASE_REDRAWN, key, what, _EXPLAIN)


def _expiring(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """Undrawn periods in the lake whose key will be destroyed soon."""
    clients = [ClientSpec.stored(row.spec) for row in stores.catalog.active_clients()]
    drawn = {(r.product, r.period) for r in stores.ledger.releases() if r.state is not ReleaseState.RESERVED}
    for (product, period), ends in _keys_end(stores, now).items():
        wanted = product not in for_clients() or any(spec.grant(product, period) for spec in clients)
        if wanted and ends - NOTICE <= now < ends and (product, str(period)) not in drawn:
            what = f"It is not drawn; its pseudonym key may be destroyed from {ends:%Y-%m-%d} on, then it never can be."
            yield Alert(AlertKind.KEY_EXPIRING, f"{product} {period}", what, f"throng publish {product} {period}")


def _expiry_overdue(stores: PlanningStores, plan: Plan, now: datetime) -> Iterator[Alert]:
    """The alert if `throng expire` has not ended well for a week."""
    done = [entry.at for entry in stores.audit.entries(EXPIRY)][-1:]
    since = min((row.ingested_at for row in _current(stores, now) if row.ingested_at), default=now)
    if now - max([since, *done]) > EXPIRY_EVERY:
        last = clock(done[0], stores.policy.policy.time.local) if done else "never"
        what = f"What the policy lets us keep no longer, and rows of those who withdrew, were last destroyed: {last}."
        yield Alert(AlertKind.EXPIRY_OVERDUE, EXPIRY, what, "throng expire")


def _keys_end(stores: PlanningStores, now: datetime) -> dict[tuple[str, Period], datetime]:
    """The earliest destruction of each period's key, by product and period with days in the lake."""
    days: dict[tuple[str, Period], list[DayGeneration]] = {}
    for row in _current(stores, now):
        for product in published(stores.policy.policy.budget.leave_out):
            for period in product.periods(row.day) if isinstance(product, DataProduct) else ():
                days.setdefault((product.name, period), []).append(row)
    return {(name, period): key_ends(period, rows, stores.policy.policy) for (name, period), rows in days.items()}


_SOURCES = (_late, _failed, _overdue, _expiring, _expiry_overdue, _low, _redrawn, _warned, _stale)
"""In the order of the kinds."""

_EXPLAIN = "`throng runs` shows what ended there: kill, memory, disk? If nothing explains it, tell the privacy officer."
_KEEP = "Draw no further revision of this month: what is spent never comes back. `throng budget` shows by what."
HELP: Mapping[State, str] = {
    State.MISSING: "The next daily run does it. To do it now: throng daily",
    State.FAILED: "`throng status` says what failed and what to do.",
    State.WAITING: "Ask the operator to send the day. The next daily run then ingests it.",
    State.BLOCKED: "`throng budget` shows what the month was spent on; the client's index says so.",
}
