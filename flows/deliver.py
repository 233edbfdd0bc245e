"""Flow: one delivery of a release into a client's bucket."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows import artifacts, entrypoints
from flows.messages import Reference
from flows.run_state import run_verb


@flow(name="deliver", flow_run_name="deliver {product} {period} to {client}", persist_result=False)
async def deliver(client: str, product: str, period: str) -> State[Reference]:
    """Render, send and verify a delivery, and update the client's index."""
    return await run_verb(
        "deliver",
        [f"client:{client}", f"product:{product}", f"period:{period}"],
        lambda: entrypoints.deliver(client, product, period),
        lambda: artifacts.of_delivery(client, product, period),
    )
