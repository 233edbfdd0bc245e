"""How a run over many periods looks and ends as a flow run: plan and living grid on its page, a state that says it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import artifacts
from flows.carry import Listener, as_flow, heard
from flows.ending import refused, show, tag
from flows.reconcile import Job, Report, reconcile, verdict
from tasks.step import fault_of

if TYPE_CHECKING:
    from tasks.plan import Plan

FAILED = ("SomeFailed", "Stopped")
GRID_SECONDS = 10
"""So often at most the grid is drawn again while steps end."""


async def reckoned(job: Job, tags: list[str]) -> State[Report]:
    """Carry a plan out as flow runs of their own, below the one that runs here."""
    await asyncio.to_thread(tag, tags)
    try:
        async with _living_grid(job) as listener:
            with heard(listener):
                report = await reconcile(job, as_flow)
    except Exception as error:
        return await asyncio.to_thread(refused, fault_of(job.verb, error))
    name, sentence = verdict(report)
    await asyncio.to_thread(show, partial(artifacts.of_report, report, f"{name}: {sentence}"))
    state = Failed if name in FAILED else Completed
    return state(name=name, message=sentence, data=report)


@asynccontextmanager
async def _living_grid(job: Job) -> AsyncIterator[Listener]:
    """Put plan and grid on the page at once, and draw the grid again while steps end."""
    ended = Event()
    made: list[asyncio.Task[None]] = []

    def begin(plan: "Plan") -> None:
        made.append(asyncio.create_task(asyncio.to_thread(show, partial(artifacts.of_plan, plan))))

    drawing = asyncio.create_task(_redraw(job, ended))
    try:
        yield Listener(begin, lambda result: ended.set())
    finally:
        drawing.cancel()
        with suppress(asyncio.CancelledError):
            await drawing
        await asyncio.gather(*made)


async def _redraw(job: Job, ended: Event) -> None:
    while True:
        await asyncio.sleep(GRID_SECONDS)
        if ended.is_set():
            ended.clear()
            await asyncio.to_thread(show, partial(_drawn_now, job))


def _drawn_now(job: Job) -> None:
    artifacts.of_grid(job.plan(), "Under way")
