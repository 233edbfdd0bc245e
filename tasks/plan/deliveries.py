"""The state of a release's delivery to a client."""

from dataclasses import replace

from tasks.plan.snapshot import CatalogSnapshot
from tasks.plan.states import State, Step
from tasks.products.spec import Product
from tasks.release import latest_of
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import DeliveryState, ReleaseState


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
        return _unsent(snapshot, step, "Its release is drawn, and was not sent yet.")
    step = replace(step, rows=delivery.rows)
    if delivery.state is DeliveryState.REFUSED:
        return replace(step, state=State.FAILED, why=delivery.message)
    if delivery.state is DeliveryState.RENDERED:
        return _unsent(snapshot, step, "The delivery was interrupted. Throng sends the same files again.")
    if delivery.release_revision < release.revision:
        return _unsent(snapshot, step, f"Revision {release.revision} of its release was not sent yet.")
    if publish.state is State.STALE:
        return step
    return replace(step, state=State.DONE, why="Delivered.")  # also while a revision of its release is under way


def _unsent(snapshot: CatalogSnapshot, step: Step, why: str) -> Step:
    if failed := snapshot.failed("deliver", step.subject):
        return replace(step, state=State.FAILED, why=snapshot.said(failed, "It failed."))
    return replace(step, state=State.MISSING, why=why)
