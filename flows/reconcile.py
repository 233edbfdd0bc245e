"""Carry out a plan: each step a run of its own, oldest first, so many at once; a failure stops only what needs it."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.sentences import Reference
from tasks.errors import INTERRUPTED, ThrongError
from tasks.step import fault_of, watched, watching

if TYPE_CHECKING:
    from tasks.plan import Plan, Step
    from tasks.store.tables import Run as RunRecord

VERBS = ("ingest", "publish", "deliver", "index")
Run = Callable[["Step"], Awaitable[Reference]]


@dataclass(frozen=True)
class Result:
    """How a step ended: its outcome, an error's name, or why it was not begun."""

    step: "Step"
    outcome: str
    seconds: float = 0.0
    error: ThrongError | None = None

    @property
    def failed(self) -> bool:
        """Whether it was to be done, and is not."""
        return self.error is not None or self.outcome == SKIPPED

    @property
    def said(self) -> str:
        """Why it is not done, and what to do."""
        return str(self.error) if self.error else "Skipped: a step that it needs failed."

    def __str__(self) -> str:
        why = f": {self.error}" if self.error else ""
        return f"{self.step.verb} {self.step.subject}: {self.outcome} ({self.seconds:.1f} s){why}"


SKIPPED, STOPPED = "Skipped", "Stopped"
SOME_FAILED = 3
"""Exit code where some of several periods failed."""
Listener = tuple[Callable[["Plan"], None], Callable[[Result], None], threading.Event]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@dataclass(frozen=True)
class Report:
    """What was to be done, how each step of it ended, and what is left to do."""

    plan: "Plan"
    results: Sequence[Result]
    after: "Plan"

    @property
    def failed(self) -> list[Result]:
        """Steps that were to be done, and are not."""
        return [result for result in self.results if result.failed]

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop before its end."""
        return any(result.outcome == STOPPED for result in self.results)


@contextmanager
def heard(show: Callable[["Plan"], None], tell: Callable[[Result], None], stop: threading.Event) -> Iterator[None]:
    """Show the plan before it runs, tell of each step as it ends, and begin no further one once `stop` is set."""
    token = _listener.set((show, tell, stop))
    try:
        yield
    finally:
        _listener.reset(token)


def verdict(report: Report) -> tuple[str, str]:
    """What the run comes to: a state's name, and a sentence."""
    done = sum(not result.failed for result in report.results)
    if report.stopped:
        return "Stopped", f"Stopped after {done} of {len(report.results)} steps; the same command goes on from here."
    if report.failed:
        first = next((str(result.error) for result in report.failed if result.error), "")
        return "SomeFailed", f"{len(report.failed)} of {len(report.results)} steps failed or were skipped. {first}"
    if overdue := [step.period for step in report.after.steps if step.overdue and step.verb == "ingest"]:
        return "LandingOverdue", f"The landing of {', '.join(overdue[:5])} is past its time. What can be done is done."
    if report.results and any(not result.outcome.startswith(("Already", "Awaiting")) for result in report.results):
        return "Reconciled", f"{done} steps done: all that could be done is done."
    if any(cell.state.value == "waiting" for cell in report.after.cells):
        return "AwaitingLanding", "Nothing to do yet: the landing is not closed."
    return "NothingToDo", "Nothing to do: everything that is expected by now is done."


@dataclass(frozen=True)
class Job:
    """A run over many periods: what it is called, what it was asked with, and how its plan is made."""

    verb: str
    subject: str
    plan: "Callable[[], Plan]"
    asked: str = ""
    """Words by which a person asked for it, for the audit table."""
    parallel: int = 1
    dry_run: bool = False


async def reconcile(job: Job, run: Run) -> Report:
    """Make a plan, carry it out, and look again at what is left; a listener sees the plan first."""
    if job.dry_run:
        plan = await _made(job)
        return Report(plan, (), plan)
    with _recorded(job) as record:
        plan = await _made(job)
        results = await carry_out(plan, run, job.parallel)
        report = Report(plan, results, await asyncio.to_thread(job.plan) if results else plan)
        record.outcome, record.message = verdict(report)
        record.exit_code = INTERRUPTED if report.stopped else SOME_FAILED if report.failed else 0
    await asyncio.to_thread(_look_round)
    return report


async def _made(job: Job) -> "Plan":
    plan = await asyncio.to_thread(job.plan)
    if listener := _listener.get():
        listener[0](plan)
    return plan


@contextmanager
def _recorded(job: Job) -> "Iterator[RunRecord]":
    """The run in the catalog; what a person asked for, in the audit table too."""
    from tasks.store import open_stores
    from tasks.store.audit import AuditEntry

    stores = open_stores()
    if job.asked:
        stores.audit.write(AuditEntry.by_user(f"{job.verb} asked for", job.subject, job.asked))
    with stores.catalog.run(job.verb, job.subject) as record:
        yield record


def _look_round() -> None:
    """Metrics and alerts; they decide nothing of the work that was done."""
    from flows.telling.rounds import look_round

    try:
        look_round()
    except Exception as error:
        logging.getLogger(__name__).warning("%s", fault_of("look round", error))


async def carry_out(plan: "Plan", run: Run, parallel: int) -> list[Result]:
    """Run the due steps, verb by verb; returns how each ended, in their order."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(parallel + 2, "throng"))
    results: dict[tuple[str, str], Result] = {}
    for verb in VERBS:
        free = asyncio.Semaphore(parallel)  # lets in who came first
        steps = [step for step in plan.due if step.verb == verb]
        await asyncio.gather(*(_one(step, run, free, results, len(plan.due)) for step in steps))
    return [results[step.key] for step in plan.due]


async def _one(
    step: "Step", run: Run, free: asyncio.Semaphore, results: dict[tuple[str, str], Result], total: int
) -> None:
    async with free:
        result = _not_begun(step, results) or await _begun(step, run, f"{len(results) + 1} of {total}")
    results[step.key] = result
    if listener := _listener.get():
        listener[1](result)


def _not_begun(step: "Step", results: Mapping[tuple[str, str], Result]) -> Result | None:
    listener = _listener.get()
    if listener and listener[2].is_set():
        return Result(step, STOPPED)
    lacks = any(results[key].failed for key in _needs(step) if key in results)
    return Result(step, SKIPPED) if lacks else None


def _needs(step: "Step") -> list[tuple[str, str]]:
    """Keys of the steps whose failure makes this one vain."""
    from tasks.period import Period

    if step.verb == "publish":
        return [("ingest", str(day)) for day in Period.parse(step.period).days]
    return [("publish", f"{step.product} {step.period}")] if step.verb == "deliver" else []


async def _begun(step: "Step", run: Run, place: str) -> Result:
    outer, started = watching(), time.monotonic()

    def watch(part: str, done: int, total: int) -> None:
        if outer:
            outer(f"{place}, {step.verb} {step.subject}: {part}", done, total)

    fault: ThrongError | None = None
    with watched(watch):
        try:
            outcome = (await run(step)).outcome.value
        except Exception as error:
            fault = fault_of(step.verb, error)
            outcome = type(fault).__name__
    return Result(step, outcome, round(time.monotonic() - started, 1), fault)


async def plainly(step: "Step") -> Reference:
    """Run a step without a flow run."""
    from flows import work

    return await asyncio.to_thread(partial(getattr(work, step.verb), **words(step)))


async def as_flow(step: "Step") -> Reference:
    """Run a step as a flow run below the one that runs here; raises what it failed with."""
    from importlib import import_module

    if step.verb == "index":  # no work of its own: steps of the flow that runs here
        return await plainly(step)

    flow = getattr(import_module(f"flows.{step.verb}"), step.verb)
    state = await flow(**words(step), return_state=True)
    result = await state.aresult(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result  # type: ignore[no-any-return]


def words(step: "Step") -> dict[str, Any]:
    """A step's words as its flow's parameters."""
    from tasks.period import Period

    if step.verb == "ingest":
        return {"day": Period.parse(step.period).first}
    names = {"client": step.client, "product": step.product, "period": step.period}
    return {name: value for name, value in names.items() if value}
