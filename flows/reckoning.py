"""How a run over many periods ends: the plan and the grid on its page, and a state named after what is left."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import artifacts
from flows.ending import refused, show, tag
from flows.reconcile import Job, Report, as_flow, reconcile, verdict
from tasks.step import fault_of

if TYPE_CHECKING:
    from tasks.plan import Plan

FAILED = ("SomeFailed", "Stopped")


async def reckoned(job: Job, tags: list[str]) -> State[Report]:
    """Carry a plan out as flow runs of their own, below the one that runs here."""
    await asyncio.to_thread(tag, tags)
    try:
        report = await reconcile(replace(job, plan=partial(_planned, job.plan)), as_flow)
    except Exception as error:
        return await asyncio.to_thread(refused, fault_of(job.verb, error))
    name, sentence = verdict(report)
    await asyncio.to_thread(show, partial(artifacts.of_report, report, f"{name}: {sentence}"))
    state = Failed if name in FAILED else Completed
    return state(name=name, message=sentence, data=report)


def _planned(make: "Callable[[], Plan]") -> "Plan":
    """The plan, which is on the run's page before anything of it runs."""
    plan = make()
    show(partial(artifacts.of_plan, plan))
    return plan
