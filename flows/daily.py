"""Flow: what the schedule starts. Whatever an outage left undone, the next run finds it and does it."""

from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State

from flows.jobs import daily_job
from flows.plan_run import run_plan
from flows.reconcile import Report


def _name() -> str:
    from tasks.period import clock
    from tasks.policy_file import load as policy
    from tasks.release import utc_now
    from tasks.settings import load

    return f"daily {clock(utc_now(), policy(load().policy).policy.time.local)}"


@flow(name="daily", flow_run_name=_name, persist_result=False)
async def daily(day: date | None = None) -> State[Report]:
    """Reconcile the catch-up window: closed days that are missing, then every release and delivery that is due.

    With a day: this one only, including work that failed before.
    """
    return await run_plan(daily_job(day), [f"period:{day}"] if day else [])
