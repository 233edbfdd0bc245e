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
    first: Annotated[date, Field(description="The first day of the range, network-local.")],
    last: Annotated[date, Field(description="The last day. A period belongs to the range in which it ends.")],
    product: Annotated[str | None, Field(description="Only this product, such as footfall.")] = None,
    client: Annotated[str | None, Field(description="Only what this client is granted.")] = None,
    mode: Annotated[
        Mode,
        Field(
            description="missing: everything that is not done. failed: only what failed. "
            "all: also changed days and all deliveries. No mode draws a release again."
        ),
    ] = Mode.MISSING,
    parallel: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, description="Number of parallel steps.")] = 1,
    newest_first: Annotated[bool, Field(description="From the last period back to the first.")] = False,
    dry_run: Annotated[bool, Field(description="Only show the plan and what it would cost.")] = False,
) -> State[Report]:
    """Plan a range and do what is missing, period by period; one failure does not stop the rest."""
    tags = [f"product:{product}"] * bool(product) + [f"client:{client}"] * bool(client)
    job = backfill_job(first, last, product, client, mode.value, parallel, dry_run, newest_first)
    return await run_plan(job, tags)
