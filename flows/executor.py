"""Carry out steps: each a run of its own, in order, so many at once; a failure stops only what needs it."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.messages import Reference
from tasks.errors import ThrongError
from tasks.refs import Outcome
from tasks.step import fault_of, say, watched, watching

if TYPE_CHECKING:
    from tasks.plan import Plan, Step

Run = Callable[["Step"], Awaitable[Reference]]
Key = tuple[str, str]
SKIPPED, STOPPED = "Skipped", "Stopped"


@dataclass(frozen=True)
class Result:
    """How a step ended: its outcome, an error's name, or why it was not begun."""

    step: "Step"
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
    def in_the_way(self) -> bool:
        """Whether what comes after it is vain; a day that is in the lake already stays there as it was."""
        return (self.failed and self.step.state.value != "stale") or self.outcome == Outcome.AWAITING_LANDING

    @property
    def said(self) -> str:
        """Why it is not done, and what to do."""
        return str(self.error) if self.error else "A step that it needs failed."

    def __str__(self) -> str:
        why = f": {self.said}" if self.failed else "".join(f"; warning: {text}" for text in self.warnings)
        return f"{self.step.verb} {self.step.subject}: {self.outcome} ({self.seconds:.1f} s){why}"


@dataclass(frozen=True)
class Listener:
    """Who sees the plan before it runs, hears of each step as it ends, and may ask that no further one begins."""

    show: "Callable[[Plan], object]" = lambda plan: None
    tell: Callable[[Result], object] = lambda result: None
    stop: threading.Event = field(default_factory=threading.Event)


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def listeners() -> tuple[Listener, ...]:
    """Everybody who listens here."""
    return _listeners.get()


@contextmanager
def heard(by: Listener) -> Iterator[None]:
    """Let somebody listen, beside those who do."""
    token = _listeners.set((*_listeners.get(), by))
    try:
        yield
    finally:
        _listeners.reset(token)


def unhindered(tell: Callable[[], object]) -> None:
    """Tell a listener; one that cannot hear (a closed terminal, a full disk) decides nothing of the work."""
    try:
        tell()
    except Exception as error:
        logging.getLogger(__name__).debug("not told: %s", type(error).__name__)


async def carry_out(due: "Sequence[Step]", run: Run, parallel: int) -> list[Result]:
    """Run the steps in their order, each as soon as what it needs has ended; returns how each ended."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(parallel + 2, "throng"))
    waiting = {step.key: step for step in due}
    running: dict[asyncio.Task[Result], Key] = {}
    results: dict[Key, Result] = {}
    while waiting or running:
        for step in _ready(waiting, {*waiting, *running.values()}, parallel - len(running)):
            place = f"{len(results) + len(running) + 1} of {len(due)}"
            running[asyncio.create_task(_one(waiting.pop(step.key), run, results, place))] = step.key
        ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            results[running.pop(task)] = task.result()
            _tell(task.result())
    return [results[step.key] for step in due]


def _tell(result: Result) -> None:
    """To the page's log, and to whoever listens; what was never begun is only counted in the end."""
    if result.outcome != STOPPED:
        say(str(result))
        for listener in _listeners.get():
            unhindered(partial(listener.tell, result))


def _ready(waiting: "Mapping[Key, Step]", open_: Collection[Key], free: int) -> "list[Step]":
    """The first steps, so many as are free, of which nothing that they need is still to end."""
    found: list[Step] = []
    for step in waiting.values():
        if len(found) == free:
            break
        if not any(key in open_ for key in needs(step, open_)):
            found.append(step)
    return found


async def _one(step: "Step", run: Run, results: Mapping[Key, Result], place: str) -> Result:
    if any(listener.stop.is_set() for listener in _listeners.get()):
        return Result(step, STOPPED)
    if step.verb != "index" and any(results[key].in_the_way for key in needs(step, results) if key in results):
        return Result(step, SKIPPED)
    return await _begun(step, run, place)


def needs(step: "Step", among: Collection[Key]) -> list[Key]:
    """Keys of the steps that come before this one; an index comes after whatever is delivered to its client."""
    from tasks.period import Period

    if step.verb == "publish":
        return [("ingest", str(day)) for day in Period.parse(step.period).days]
    if step.verb == "index":
        return [key for key in among if key[0] == "deliver" and key[1].startswith(f"{step.client} ")]
    return [("publish", f"{step.product} {step.period}")] if step.verb == "deliver" else []


async def _begun(step: "Step", run: Run, place: str) -> Result:
    outer, started = watching(), time.monotonic()

    def watch(part: str, done: int, total: int) -> None:
        if outer:
            outer(f"{place}, {step.verb} {step.subject}: {part}", done, total)

    fault: ThrongError | None = None
    warnings: tuple[str, ...] = ()
    with watched(watch):
        try:
            reference = await run(step)
            outcome, warnings = reference.outcome.value, getattr(reference, "warnings", ())
        except Exception as error:
            fault = fault_of(step.verb, error).with_traceback(None)  # frames keep what a failed step held open
            outcome = type(fault).__name__
    return Result(step, outcome, round(time.monotonic() - started, 1), fault, warnings)


async def plainly(step: "Step") -> Reference:
    """Run a step without a flow run."""
    from flows import entrypoints

    return await asyncio.to_thread(partial(getattr(entrypoints, step.verb), **words(step)))


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
