"""Flow: a range of days, planned before anything runs, and resumed by asking for it again."""

from datetime import date
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from flows.jobs import backfill_job
from flows.plan_run import run_plan
from flows.reconcile import Report
from tasks.plan.states import Mode

MOST_AT_ONCE = 8


def _name() -> str:
    from prefect.runtime import flow_run

    asked = flow_run.parameters
    return f"backfill {asked['first']} to {asked['last']}{' (dry run)' if asked.get('dry_run') else ''}"


@flow(name="backfill", flow_run_name=_name, persist_result=False)
async def backfill(
    first: date,
    last: date,
    product: str | None = None,
    client: str | None = None,
    mode: Mode = Mode.MISSING,
    parallel: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = 1,
    newest_first: bool = False,
    dry_run: bool = False,
) -> State[Report]:
    """Plan a range and do what is missing, period by period; one failure does not stop the rest.

    Args:
        first: The first day of the range, network-local.
        last: The last day. A period belongs to the range in which it ends.
        product: Only this product, such as footfall.
        client: Only what this client is granted.
        mode: missing: everything that is not done. failed: only what failed. all: also changed days and all deliveries.
            No mode draws a release again.
        parallel: Number of parallel steps.
        newest_first: From the last period back to the first.
        dry_run: Only show the plan and what it would cost.
    """
    tags = [f"product:{product}"] * bool(product) + [f"client:{client}"] * bool(client)
    job = backfill_job(first, last, product, client, mode.value, parallel, dry_run, newest_first)
    return await run_plan(job, tags)
