"""The state of a period's release."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, timedelta

from tasks.period import Cadence, Period
from tasks.plan.derived import derived_step
from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step
from tasks.products.spec import DerivedProduct, Product
from tasks.release import key_ends, scheduled_at
from tasks.store.tables import Release, ReleaseState

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
        return derived_step(snapshot, step, product, period, planned)
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
    if lacking and (hindered := _hindered(snapshot, step, period, days, lacking)):
        return hindered
    if keyless := _keyless(snapshot, step, period):
        return keyless
    if short := snapshot.spend(product, period):
        return replace(step, state=State.BLOCKED, why=short)
    if period.cadence is Cadence.DAY and days[0].state is State.FAILED:
        return replace(step, state=State.FAILED, why=days[0].why)
    return _to_do(snapshot, step, "Not drawn yet.")


def _hindered(
    snapshot: CatalogSnapshot, step: Step, period: Period, days: list[Step], lacking: list[Step]
) -> Step | None:
    """The step blocked by missing days; None if the period no longer waits for them."""
    first, policy = lacking[0], snapshot.stores.policy.policy
    if period.cadence is Cadence.DAY:
        return replace(step, state=first.state, why=first.why, settled=first.settled, overdue=first.overdue)
    coming = [day for day in lacking if not (day.settled or day.overdue or day.state is State.IMPOSSIBLE)]
    if coming or snapshot.now < scheduled_at(period, policy) + timedelta(days=policy.time.catch_up_days):
        why = f"{len(lacking)} of its {len(days)} days are not in the lake, {first.period} the first of them."
        return replace(step, state=State.WAITING, why=why)
    if len(lacking) == len(days):
        return replace(step, state=State.IMPOSSIBLE, why="None of its days is in the lake, nor to be had.")
    return None


def _to_do(snapshot: CatalogSnapshot, step: Step, why: str) -> Step:
    if failed := snapshot.failed("publish", step.subject):
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
