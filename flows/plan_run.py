"""Run a plan as a flow run: plan and grid on its page, and a final state that sums up the steps."""

import asyncio
from functools import partial
from importlib import import_module

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import artifacts
from flows.executor import Listener, parameters, subscribe
from flows.inline import run_inline
from flows.jobs import Job
from flows.messages import Reference
from flows.reconcile import Report, reconcile, verdict
from flows.run_state import alert_failure, refused, show_artifacts, tag
from tasks.errors import ThrongError
from tasks.plan.states import Step
from tasks.step import as_throng_error

FAILED = ("SomeFailed", "Stopped")


async def run_plan(job: Job, tags: list[str]) -> State[Report]:
    """Execute a plan as subflow runs of the current flow run."""
    await asyncio.to_thread(tag, tags)
    try:
        with subscribe(Listener(show=lambda plan: show_artifacts(partial(artifacts.of_plan, plan)))):
            report = await reconcile(job, run_as_subflow)
    except Exception as error:
        return await asyncio.to_thread(_refused, job, as_throng_error(job.verb, error))
    name, sentence = verdict(report)
    await asyncio.to_thread(show_artifacts, partial(artifacts.of_report, report, f"{name}: {sentence}"))
    state = Failed if name in FAILED else Completed
    return state(name=name, message=sentence, data=report)


async def run_as_subflow(step: Step) -> Reference:
    """Run a step as a flow run below the one that runs here; raises its error."""
    if step.verb == "index":  # no work of its own: steps of the flow that runs here
        return await run_inline(step)
    flow = getattr(import_module(f"flows.{step.verb}"), step.verb)
    state = await flow(**parameters(step), return_state=True)
    result = await state.aresult(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result  # type: ignore[no-any-return]


def _refused(job: Job, fault: ThrongError) -> State[Report]:
    """It ended before its steps could say why; every `daily` of the schedule is one subject, as it is hourly."""
    show_artifacts(partial(alert_failure, job.verb if job.scheduled else f"{job.verb} {job.subject}", fault))
    return refused(fault)
