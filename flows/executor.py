"""Execute steps: each a run of its own, in order, in parallel; a failure stops only its dependents."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flows.messages import Reference
from tasks.errors import ThrongError
from tasks.period import Period
from tasks.plan.states import Plan, Step
from tasks.refs import Outcome
from tasks.step import as_throng_error, log_to_run, progress_callback, report_progress

Run = Callable[[Step], Awaitable[Reference]]
StepKey = tuple[str, str]
SKIPPED, STOPPED = "Skipped", "Stopped"


@dataclass(frozen=True)
class StepResult:
    """How a step ended: its outcome, an error's name, or why it was not begun."""

    step: Step
    outcome: str
    seconds: float = 0.0
    error: ThrongError | None = None
    warnings: tuple[str, ...] = ()
    """What was borne with, such as a file that could not be read."""

    @property
    def failed(self) -> bool:
        """Whether it was to be done, and is not."""
        return self.error is not None or self.outcome == SKIPPED

    @property
    def blocks_dependents(self) -> bool:
        """Whether dependent steps must be skipped."""
        return (self.failed and self.step.state.value != "stale") or self.outcome == Outcome.AWAITING_LANDING

    @property
    def reason(self) -> str:
        """Why it is not done, and what to do."""
        return str(self.error) if self.error else "A step that it needs failed."

    def __str__(self) -> str:
        why = f": {self.reason}" if self.failed else "".join(f"; warning: {text}" for text in self.warnings)
        return f"{self.step.verb} {self.step.subject}: {self.outcome} ({self.seconds:.1f} s){why}"


@dataclass(frozen=True)
class Listener:
    """Who sees the plan before it runs, hears of each step as it ends, and may ask that no further one begins."""

    show: Callable[[Plan], object] = lambda plan: None
    tell: Callable[[StepResult], object] = lambda result: None
    stop: threading.Event = field(default_factory=threading.Event)


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def listeners() -> tuple[Listener, ...]:
    """Everybody who listens here."""
    return _listeners.get()


@contextmanager
def subscribe(by: Listener) -> Iterator[None]:
    """Let somebody listen, beside those who do."""
    token = _listeners.set((*_listeners.get(), by))
    try:
        yield
    finally:
        _listeners.reset(token)


@contextmanager
def tolerated(what: str) -> Iterator[None]:
    """Log an error of what decides nothing of the work: a closed terminal, a card, monitoring on a full disk."""
    try:
        yield
    except Exception as error:
        logging.getLogger(__name__).warning("%s", as_throng_error(what, error))


async def execute(due: Sequence[Step], run: Run, parallel: int) -> list[StepResult]:
    """Run the steps in their order, each as soon as what it needs has ended; returns how each ended."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(parallel + 2, "throng"))
    waiting = {step.key: step for step in due}
    running: dict[asyncio.Task[StepResult], StepKey] = {}
    results: dict[StepKey, StepResult] = {}
    while waiting or running:
        for step in _ready(waiting, {*waiting, *running.values()}, parallel - len(running)):
            place = f"{len(results) + len(running) + 1} of {len(due)}"
            running[asyncio.create_task(_one(waiting.pop(step.key), run, results, place))] = step.key
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            results[running.pop(task)] = task.result()
            _tell(task.result())
    return [results[step.key] for step in due]


def _tell(result: StepResult) -> None:
    """Log a step's end and notify subscribers; steps that never began are only counted."""
    if result.outcome != STOPPED:
        log_to_run(str(result))
        for listener in _listeners.get():
            with tolerated("progress"):
                listener.tell(result)


def _ready(waiting: Mapping[StepKey, Step], open_: Collection[StepKey], free: int) -> list[Step]:
    """The first steps without pending dependencies, up to the free slots."""
    ready = (step for step in waiting.values() if not any(key in open_ for key in needs(step, open_)))
    return list(islice(ready, free))


async def _one(step: Step, run: Run, results: Mapping[StepKey, StepResult], place: str) -> StepResult:
    if any(listener.stop.is_set() for listener in _listeners.get()):
        return StepResult(step, STOPPED)
    if step.verb != "index" and any(results[key].blocks_dependents for key in needs(step, results) if key in results):
        return StepResult(step, SKIPPED)
    return await _begun(step, run, place)


def needs(step: Step, among: Collection[StepKey]) -> list[StepKey]:
    """Keys of the steps that come before this one; an index comes after all deliveries to its client."""
    if step.verb == "publish":
        return [*(("ingest", str(day)) for day in Period.parse(step.period).days), *step.needs]
    if step.verb == "index":
        return [key for key in among if key[0] == "deliver" and key[1].startswith(f"{step.client} ")]
    return [("publish", f"{step.product} {step.period}")] if step.verb == "deliver" else []


async def _begun(step: Step, run: Run, place: str) -> StepResult:
    outer, started = progress_callback(), time.monotonic()

    def watch(part: str, done: int, total: int) -> None:
        if outer:
            outer(f"{place}, {step.verb} {step.subject}: {part}", done, total)

    fault: ThrongError | None = None
    warnings: tuple[str, ...] = ()
    with report_progress(watch):
        try:
            reference = await run(step)
            outcome, warnings = reference.outcome.value, getattr(reference, "warnings", ())
        except Exception as error:
            fault = as_throng_error(step.verb, error).with_traceback(None)  # frames keep what a failed step held open
            outcome = type(fault).__name__
    return StepResult(step, outcome, round(time.monotonic() - started, 1), fault, warnings)


def parameters(step: Step) -> dict[str, Any]:
    """A step's words as its flow's parameters."""
    if step.verb == "ingest":
        return {"day": Period.parse(step.period).first}
    names = {"client": step.client, "product": step.product, "period": step.period}
    return {name: value for name, value in names.items() if value}
