"""Flow: one release of a product, drawn once."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows import artifacts, entrypoints
from flows.messages import Reference
from flows.run_state import run_verb


@flow(name="publish", flow_run_name="publish {product} {period}", persist_result=False)
async def publish(
    product: str, period: str, revision_of: str | None = None, reason_id: int | None = None
) -> State[Reference]:
    """Draw a release, or find the one that exists; a revision's reason is named by its audit entry."""
    return await run_verb(
        "publish",
        [f"product:{product}", f"period:{period}"],
        lambda: entrypoints.publish(product, period, revision_of, reason_id),
        lambda: artifacts.of_release(product, period),
    )
