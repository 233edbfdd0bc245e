"""Plans: the state and the remaining cost of every day, release and delivery of a range."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from tasks.errors import Misconfigured
from tasks.events.formats import load_formats
from tasks.events.landing import first_label, labels
from tasks.period import Period, days_of
from tasks.plan.days import day_step
from tasks.plan.releases import delivery_step, inputs_revised, release_step
from tasks.plan.snapshot import CatalogSnapshot, read_snapshot
from tasks.plan.states import Mode, Plan, State, Step, Target
from tasks.products.registry import find, published
from tasks.products.spec import DerivedProduct, Product
from tasks.store import PlanningStores
from tasks.store.client_file import unknown_client
from tasks.store.client_spec import ClientSpec

__all__ = ["Mode", "Plan", "State", "Step", "check_range", "daily_plan", "make_plan"]

Wanted = tuple[Product, Period]
LONGEST_RANGE = 3700
"""The longest range in days, about ten years; a longer one is a typing error."""


@dataclass(frozen=True)
class Chain:
    """The steps between the landing and the clients of one product and period."""

    product: Product
    period: Period
    days: Sequence[Step]
    publish: Step
    deliveries: Sequence[tuple[ClientSpec | None, Step]]


def make_plan(
    stores: PlanningStores,
    first: date,
    last: date,
    now: datetime,
    mode: Mode = Mode.MISSING,
    product: str | None = None,
    client: str | None = None,
    newest_first: bool = False,
) -> Plan:
    """Plan a range of days, both ends included; a period belongs to the range of its last day.

    Its due steps come period by period, so that each is finished before the next one begins.
    """
    check_range(first, last)
    snapshot = read_snapshot(stores, now)
    days = days_of(first, last)
    products, clients = find(product) if product else _made(snapshot), _clients(snapshot, client)
    wanted = [
        (p, period) for p in products for period in _ending(p, days) if not client or _granted(clients, p, period)
    ]
    if product or client:
        days = [day for day in days if any(day in period.days for _, period in wanted)]
    plan = _plan(snapshot, (first, last), days, wanted, clients, mode)
    due = sorted(plan.due, key=lambda step: Period.parse(step.period).end, reverse=newest_first)
    return replace(plan, due=tuple(due))


def daily_plan(stores: PlanningStores, now: datetime) -> Plan:
    """Plan the schedule: the days of the catch-up window, then every possible release and delivery."""
    snapshot = read_snapshot(stores, now)
    days = _window(snapshot)
    wanted = [(product, period) for product in _made(snapshot) for period in _ending(product, days)]
    ends = (days[0], days[-1]) if days else (snapshot.today, snapshot.today)
    return _plan(snapshot, ends, days, [*wanted, *_left_over(snapshot)], snapshot.clients, None)


def check_range(first: date, last: date) -> None:
    """Raise Misconfigured for a reversed or too long range."""
    if last < first:
        raise Misconfigured(
            f"The range ends before it begins: {first} to {last}.",
            "Give the earlier day first.",
            "usage.range_reversed",
        )
    if (last - first).days >= LONGEST_RANGE:
        raise Misconfigured(
            f"{first} to {last} is longer than {LONGEST_RANGE} days.",
            "Give a shorter range, one after the other.",
            "usage.range_too_long",
        )


def _clients(snapshot: CatalogSnapshot, name: str | None) -> Sequence[ClientSpec]:
    """All clients, or the named one."""
    chosen = [spec for spec in snapshot.clients if name in (None, spec.name)]
    if name and not chosen:
        raise unknown_client(name, [spec.name for spec in snapshot.clients])
    return chosen


def _made(snapshot: CatalogSnapshot) -> Sequence[Product]:
    """Published products that the policy does not leave out."""
    return published(snapshot.stores.policy.policy.budget.leave_out)


def _ending(product: Product, days: Sequence[date]) -> Iterable[Period]:
    """The product's periods whose last day is one of these."""
    return (period for day in days for period in product.periods(day) if period.days[-1] == day)


def _granted(clients: Sequence[ClientSpec], product: Product, period: Period) -> bool:
    return any(spec.grant(product.name, period) for spec in clients)


def _order(wanted: Wanted) -> tuple[date, bool, str]:
    """Derived releases come after the releases that they may need."""
    product, period = wanted
    return period.end, isinstance(product, DerivedProduct), product.name


def _window(snapshot: CatalogSnapshot) -> list[date]:
    """Past days of the catch-up window, from the first data on."""
    first = snapshot.today - timedelta(days=snapshot.stores.policy.policy.time.catch_up_days)
    begun = [*sorted(snapshot.generations)[:1], *_first_in_landing(snapshot)]
    first = max(first, min(begun)) if begun else snapshot.today
    return days_of(first, snapshot.today - timedelta(days=1))


def _first_in_landing(snapshot: CatalogSnapshot) -> Iterable[date]:
    """The first day whose folders may all be in the landing; folder labels have their own timezone."""
    time, settings = snapshot.stores.policy.policy.time, snapshot.stores.settings
    if first := first_label(settings.landing_root, load_formats(settings.mapping)):
        yield next(day for n in range(3) if labels(day := first + timedelta(days=n), time)[0] >= first)


def _left_over(snapshot: CatalogSnapshot) -> Iterable[Wanted]:
    """Older periods with work left: ingested but not drawn, or drawn but not delivered to every client."""
    for day in snapshot.generations:
        for product, period in ((each, period) for each in _made(snapshot) for period in each.periods(day)):
            if period.end <= snapshot.today and _undone(snapshot, product, period):
                yield product, period


def _undone(snapshot: CatalogSnapshot, product: Product, period: Period) -> bool:
    release = snapshot.release(product, period)
    if release is None or release.unfinished:
        return any(snapshot.current(day) for day in period.days)
    if isinstance(product, DerivedProduct) and inputs_revised(snapshot, product, release):
        return True
    sent = (
        snapshot.deliveries.get((spec.name, product.name, str(period))) for spec in snapshot.granted(product, period)
    )
    return any(row is None or row.state != "delivered" or row.release_revision < release.revision for row in sent)


def _plan(
    snapshot: CatalogSnapshot,
    ends: tuple[date, date],
    days: Sequence[date],
    wanted: Iterable[Wanted],
    clients: Sequence[ClientSpec],
    mode: Mode | None,
) -> Plan:
    """Sort ingests by day, then releases and deliveries by end of period; this order spends the budget."""
    day_of = cache(lambda day: day_step(snapshot, day))
    ingests = [day_of(day) for day in days]
    planned = {step.subject for step in ingests if step.runs_in(mode) and step.state is not State.WAITING}
    chains, names = [], {spec.name for spec in clients}
    for product, period in sorted({(p.name, period): (p, period) for p, period in wanted}.values(), key=_order):
        publish = release_step(snapshot, product, period, day_of, planned)
        if publish.runs_in(mode):
            planned.add(publish.subject)
        granted = [spec for spec in snapshot.granted(product, period) if spec.name in names]
        deliveries = [(spec, delivery_step(snapshot, spec, product, publish)) for spec in granted]
        chains.append(Chain(product, period, [day_of(day) for day in period.days], publish, deliveries))
    publishes = [chain.publish for chain in chains]
    steps = (*ingests, *publishes, *(step for chain in chains for _, step in chain.deliveries))
    due = tuple(step for step in steps if step.runs_in(mode))
    keys = {step.key for step in due}
    filled = tuple(
        _target(snapshot, chain, spec, last, keys)
        for chain in chains
        for spec, last in chain.deliveries or [(None, chain.publish)]
    )
    return Plan(*ends, mode, steps, filled, (*due, *_indexes(snapshot, clients, filled)) if mode is None else due)


def _indexes(snapshot: CatalogSnapshot, clients: Sequence[ClientSpec], filled: Iterable[Target]) -> Iterable[Step]:
    """Clients whose index must show a late period although nothing is delivered, or could not be written."""
    late = {target.client for target in filled if target.late and target.client}
    failed = {spec.name for spec in clients if snapshot.failed("index", spec.name)}
    for client in sorted(late | failed):
        why = "Periods are late, and the client's index says why." if client in late else "Writing the index failed."
        yield Step("index", "", State.MISSING, why, client=client)


def _target(
    snapshot: CatalogSnapshot, chain: Chain, spec: ClientSpec | None, last: Step, due: Collection[tuple[str, str]]
) -> Target:
    run = [step for step in dict.fromkeys((*chain.days, chain.publish, last)) if step.key in due]
    run = run if last.state is not State.WAITING else []  # what waits is not filled by this plan
    grant = spec.grant(chain.product.name, chain.period) if spec else None
    expected_by = grant.expected_by(chain.period, snapshot.stores.policy.policy.time.local) if grant else None
    read = [step.rows for step in run if step.verb == "ingest" and step.rows]
    return Target(
        product=chain.product.name,
        client=spec.name if spec else None,
        period=str(chain.period),
        state=last.state,
        why=last.why,
        needs=tuple(dict.fromkeys(step.verb for step in run)),
        rho=sum(step.rho for step in run),
        revision_rho=chain.publish.revision_rho,
        rows=sum(read) if read else last.rows,
        seconds=round(sum(step.seconds or 0.0 for step in run), 1),
        expected_by=expected_by,
        late=bool(expected_by and expected_by <= snapshot.now and last.state not in (State.DONE, State.STALE)),
        flow_run_id=_page(last, chain),
    )


def _page(last: Step, chain: Chain) -> str | None:
    """The run of the last step, or of the earlier step that blocks it."""
    way = (last, chain.publish, *(day for day in chain.days if day.state is not State.DONE), *chain.days)
    return next((step.flow_run_id for step in way if step.flow_run_id), None)
