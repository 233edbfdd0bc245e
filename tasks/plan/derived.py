"""The state of a release that is derived from others."""

from collections.abc import Collection
from dataclasses import replace

from tasks.period import Period
from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step
from tasks.products.spec import DerivedProduct
from tasks.release import latest_of
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release, ReleaseState


def derived_step(
    snapshot: CatalogSnapshot, step: Step, product: DerivedProduct, period: Period, planned: Collection[str]
) -> Step:
    """The step of a derived release; `planned` has the subjects of steps that this plan runs before."""
    inputs = product.inputs(period)
    step = replace(step, needs=tuple(("publish", f"{name} {of}") for name, of in inputs))
    lacking = [subject for _, subject in step.needs if subject not in planned]
    lacking = [subject for subject in lacking if not _published(snapshot, *subject.split(" "))]
    if lacking:
        return replace(step, state=State.WAITING, why=f"{lacking[0]} is not published.")
    release = snapshot.release(product, period)
    if release and release.state is ReleaseState.RECALLED:
        return replace(step, state=State.IMPOSSIBLE, why="It was recalled.")
    if release and release.state is ReleaseState.PUBLISHED and not inputs_revised(snapshot, product, release):
        return replace(step, why=f"Published: revision {release.revision}.")
    if failed := snapshot.failed("publish", step.subject):
        return replace(step, state=State.FAILED, why=snapshot.said(failed, "It failed."))
    return replace(step, state=State.MISSING, why="A release that it is derived from is new.")


def inputs_revised(snapshot: CatalogSnapshot, product: DerivedProduct, release: Release) -> bool:
    """Whether an input has another published revision than the one it was derived from."""
    period = Period.parse(release.period)
    found = [_published(snapshot, name, str(of)) for name, of in product.inputs(period)]
    return any(row is not None and str(ReleaseKey.of(row)) not in release.digests for row in found)


def _published(snapshot: CatalogSnapshot, name: str, period: str) -> Release | None:
    row = latest_of(snapshot.releases.get((name, period), ()))
    return row if row and row.state is ReleaseState.PUBLISHED else None
