"""The state of a period's release, and of its delivery to a client."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date

from tasks.completeness import derived_incompleteness, incompleteness
from tasks.period import Cadence, Period
from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step
from tasks.products.spec import DerivedProduct, Product
from tasks.release import closed_at, key_ends, latest_of
from tasks.release_inputs import never_comes
from tasks.store.client_spec import ClientSpec
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import DeliveryState, Release, ReleaseState

DayStep = Callable[[date], Step]
READY = (State.DONE, State.STALE)
SAID = 3
"""Late days that a message lists one by one."""


def release_step(
    snapshot: CatalogSnapshot, product: Product, period: Period, day_of: DayStep, planned: Collection[str]
) -> Step:
    """The work left between lake and release; `planned` are the days that this plan ingests first."""
    subject = f"{product.name} {period}"
    step = Step(
        "publish", str(period), State.DONE, "", product.name, flow_run_id=snapshot.flow_run_id("publish", subject)
    )
    step = replace(step, seconds=snapshot.rates.seconds("publish"))
    if isinstance(product, DerivedProduct):
        return _derived(snapshot, step, product, period, day_of, planned)
    release = snapshot.release(product, period)
    if release is None:
        return _undrawn(snapshot, replace(step, rho=snapshot.cost(product, period)), product, period, day_of, planned)
    if release.unfinished:
        return _begun(snapshot, step, period, release)
    if release.state is ReleaseState.RECALLED:
        return replace(step, state=State.IMPOSSIBLE, why="It was recalled.")
    return _drawn(snapshot, step, product, release, day_of)


def _begun(snapshot: CatalogSnapshot, step: Step, period: Period, release: Release) -> Step:
    """The step of an interrupted release; drawn bytes need no key, everything else does."""
    if release.state is not ReleaseState.STAGED and (keyless := _keyless(snapshot, step, period)):
        return keyless
    return _to_do(snapshot, step, "The release was interrupted. Throng continues it under the same charge.")


def _drawn(snapshot: CatalogSnapshot, step: Step, product: Product, release: Release, day_of: DayStep) -> Step:
    """The step of a published release: later changes, and the cost of a revision. A plan never redraws."""
    period = Period.parse(release.period)
    current = {str(day): row.generation for day in period.days if (row := snapshot.current(day))}
    late = [f"{day}: {taken.why}" for day in period.days if (taken := day_of(day)).state is State.STALE]
    if current != dict(release.generations):
        late.insert(0, "Days were ingested again since it was drawn.")
    if not late:
        return replace(step, why=f"Published: revision {release.revision}.")
    return replace(step, state=State.STALE, why=" ".join(late[:SAID]), revision_rho=snapshot.cost(product, period))


def _undrawn(
    snapshot: CatalogSnapshot, step: Step, product: Product, period: Period, day_of: DayStep, planned: Collection[str]
) -> Step:
    days = [day_of(day) for day in period.days]
    lacking = [day for day in days if day.state not in READY and day.period not in planned]
    if lacking and (hindered := _hindered(snapshot, step, product, period, days, lacking)):
        return hindered
    if keyless := _keyless(snapshot, step, period):
        return keyless
    if short := snapshot.spend(product, period):
        return replace(step, state=State.BLOCKED, why=short)
    if period.cadence is Cadence.DAY and days[0].state is State.FAILED:
        return replace(step, state=State.FAILED, why=days[0].why)
    return _to_do(snapshot, step, "Not drawn yet.")


def _hindered(
    snapshot: CatalogSnapshot, step: Step, product: Product, period: Period, days: list[Step], lacking: list[Step]
) -> Step | None:
    """The step blocked by missing days; None if the period is published without them."""
    first, policy = lacking[0], snapshot.stores.policy.policy
    if period.cadence is Cadence.DAY:
        return replace(step, state=first.state, why=first.why, settled=first.settled, overdue=first.overdue)
    coming = [day for day in lacking if not (day.settled or day.overdue or day.state is State.IMPOSSIBLE)]
    if all(day.state is State.IMPOSSIBLE for day in days):
        return replace(step, state=State.IMPOSSIBLE, why=first.why)
    if coming or snapshot.now < closed_at(period, policy) or len(lacking) == len(days):
        return replace(step, state=State.WAITING, why=_not_in_lake(days, lacking))
    there = {Period.parse(day.period).first: 0 for day in days if day not in lacking}
    why = incompleteness(product, period, policy.time.local, there)
    return replace(step, state=State.WAITING, why=why, rho=0.0) if why else None


def _not_in_lake(days: list[Step], lacking: list[Step]) -> str:
    if len(lacking) == len(days):
        return f"None of its {len(days)} days is in the lake."
    return f"{len(lacking)} of its {len(days)} days are not in the lake, {lacking[0].period} the first of them."


def _to_do(snapshot: CatalogSnapshot, step: Step, why: str) -> Step:
    if failed := snapshot.failed(step.verb, step.subject):
        return replace(step, state=State.FAILED, why=snapshot.said(failed, "It failed."))
    return replace(step, state=State.MISSING, why=why)


def _keyless(snapshot: CatalogSnapshot, step: Step, period: Period) -> Step | None:
    """The step blocked by an expired or lost key; None if every key exists."""
    days, stores = [row for day in period.days if (row := snapshot.current(day))], snapshot.stores
    if not days or stores.key_names.has(period):
        return None
    ends = key_ends(period, days, stores.policy.policy)
    if snapshot.now >= ends:
        return replace(step, state=State.IMPOSSIBLE, why="Data expired: the period's keys are gone.")
    why = f"A key of it is lost, which should be there until {ends:%Y-%m-%d}: restore the keys from a backup."
    return replace(step, state=State.FAILED, why=why, settled=True)


def _derived(
    snapshot: CatalogSnapshot,
    step: Step,
    product: DerivedProduct,
    period: Period,
    day_of: DayStep,
    planned: Collection[str],
) -> Step:
    """The step of a derived release; `planned` has the subjects of steps that this plan runs before."""
    inputs = product.inputs(period)
    step = replace(step, needs=tuple(("publish", f"{name} {of}") for name, of in inputs))
    lacking = [need for need in step.needs if need[1] not in planned and not _published(snapshot, *need[1].split(" "))]
    missing = [(name, of) for name, of in inputs if ("publish", f"{name} {of}") in lacking]
    if missing and (hindered := _lacks_inputs(snapshot, step, product, period, missing, day_of, planned)):
        return hindered
    step = replace(step, needs=tuple(need for need in step.needs if need not in lacking))
    release = snapshot.release(product, period)
    if release and release.state is ReleaseState.RECALLED:
        return replace(step, state=State.IMPOSSIBLE, why="It was recalled.")
    if release and release.state is ReleaseState.PUBLISHED and not inputs_revised(snapshot, product, release):
        return replace(step, why=f"Published: revision {release.revision}.")
    return _to_do(snapshot, step, "A release that it is derived from is new.")


def _lacks_inputs(
    snapshot: CatalogSnapshot,
    step: Step,
    product: DerivedProduct,
    period: Period,
    missing: list[tuple[str, Period]],
    day_of: DayStep,
    planned: Collection[str],
) -> Step | None:
    """The step that lacks releases; None if it is derived without them, which never came."""
    days = [day_of(day) for _, of in product.inputs(period) for day in of.days if of.cadence is Cadence.DAY]
    lacking = [day for day in days if day.state not in READY and day.period not in planned]
    if days and all(day.state is State.IMPOSSIBLE for day in days):
        return replace(step, state=State.IMPOSSIBLE, why=days[0].why)
    drawn = any(latest_of(snapshot.releases.get((name, str(of)), ())) for name, of in missing)
    never = never_comes(period, missing, snapshot.now, snapshot.stores.policy.policy)
    if drawn or not never or len(lacking) == len(days):
        name, of = missing[0]
        why = _not_in_lake(days, lacking) if lacking else f"{name} {of} is not published."
        return replace(step, state=State.WAITING, why=why)
    why = derived_incompleteness(product, period, [of for _, of in missing])
    return replace(step, state=State.WAITING, why=why) if why else None


def inputs_revised(snapshot: CatalogSnapshot, product: DerivedProduct, release: Release) -> bool:
    """Whether an input has another published revision than the one it was derived from."""
    period = Period.parse(release.period)
    found = [_published(snapshot, name, str(of)) for name, of in product.inputs(period)]
    return any(row is not None and str(ReleaseKey.of(row)) not in release.digests for row in found)


def _published(snapshot: CatalogSnapshot, name: str, period: str) -> Release | None:
    row = latest_of(snapshot.releases.get((name, period), ()))
    return row if row and row.state is ReleaseState.PUBLISHED else None


def delivery_step(snapshot: CatalogSnapshot, spec: ClientSpec, product: Product, publish: Step) -> Step:
    """The work left between a release and the client's bucket."""
    subject = f"{spec.name} {product.name} {publish.period}"
    step = replace(
        publish,
        verb="deliver",
        client=spec.name,
        rho=0.0,
        rows=None,
        seconds=snapshot.rates.seconds("deliver"),
        flow_run_id=snapshot.flow_run_id("deliver", subject),
    )
    release = latest_of(snapshot.releases.get((product.name, publish.period), ()))
    if release is None or release.state is ReleaseState.RECALLED:
        return step  # the same state as its release
    delivery = snapshot.deliveries.get((spec.name, product.name, publish.period))
    if delivery is None:
        return _to_do(snapshot, step, "Its release is drawn, and was not sent yet.")
    step = replace(step, rows=delivery.rows)
    if delivery.state is DeliveryState.REFUSED:
        return replace(step, state=State.FAILED, why=delivery.message)
    if delivery.state is DeliveryState.RENDERED:
        return _to_do(snapshot, step, "The delivery was interrupted. Throng sends the same files again.")
    if delivery.release_revision < release.revision:
        return _to_do(snapshot, step, f"Revision {release.revision} of its release was not sent yet.")
    if publish.state is State.STALE:
        return step
    return replace(step, state=State.DONE, why="Delivered.")  # also while a revision of its release is under way
