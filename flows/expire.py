"""Flow: what the policy lets the lake keep no longer is destroyed; once a day, and whenever somebody asks."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows import entrypoints
from flows.messages import Reference
from flows.run_state import run_verb


@flow(name="expire", flow_run_name="expire", persist_result=False)
async def expire() -> State[Reference]:
    """Destroy keys and rows of periods whose time is over, and rows of subscribers who withdrew."""
    return await run_verb("expire", [], entrypoints.expire, lambda: None)
