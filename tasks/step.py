"""@step: a verb's method as a Prefect task while a flow runs, and the plain method otherwise.

A task gets no parameters and keeps no result, so nothing of a call reaches Prefect's database or storage. An unforeseen
error leaves as type and place only, because messages of libraries quote values.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from traceback import walk_tb
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from tasks.errors import StepFailed, StorageUnavailable, ThrongError, machine_fault

P = ParamSpec("P")
R = TypeVar("R")
Verb = TypeVar("Verb")
Method = Callable[Concatenate[Verb, P], R]
ProgressCallback = Callable[[str, int, int], None]
"""Receives the current activity, the parts done, and their total (0 of 0 at a step's start)."""

RETRIES = 3
BACKOFF_SECONDS = 1
_callback: ContextVar[ProgressCallback | None] = ContextVar("watch", default=None)
_running: ContextVar[str] = ContextVar("running", default="")


@contextmanager
def report_progress(watch: ProgressCallback) -> Iterator[None]:
    """Report the steps that run inside the block."""
    token = _callback.set(watch)
    try:
        yield
    finally:
        _callback.reset(token)


def progress_callback() -> ProgressCallback | None:
    """The current receiver of progress, if any."""
    return _callback.get()


def progress() -> ProgressCallback:
    """Where the running step reports its parts; callable from any thread."""
    watch, name = _callback.get(), _running.get()
    return lambda part, done, total: watch(f"{name}, {part}", done, total) if watch else None


def flow_run_id() -> str | None:
    """The id of the flow run that runs here; None without one."""
    if not _flow_is_active():
        return None
    from prefect.runtime import flow_run

    return str(flow_run.id)


def log_to_run(line: str) -> None:
    """Put a line into the log of the flow run that runs here; nothing without one."""
    if _flow_is_active():
        from prefect.logging import get_run_logger

        get_run_logger().info(line)


def sanitised(verb: str, call: Callable[[], R]) -> R:
    """Run the call; an unforeseen error becomes StepFailed with its type and place, and no error keeps its causes."""
    try:
        return call()
    except BaseException as error:
        if _asks_to_stop(error):
            raise
        fault = as_throng_error(verb, error)
    raise fault


def _asks_to_stop(error: BaseException) -> bool:
    """Whether it is somebody's word and no fault: Ctrl-C, an end, a cancellation, a signal that Prefect passes on.

    Whatever else is beside all exceptions is a library's fault (a panic in Rust), and may quote values.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        return True
    return not isinstance(error, Exception) and type(error).__module__.partition(".")[0] in ("asyncio", "prefect")


def as_throng_error(verb: str, error: BaseException) -> ThrongError:
    """Convert to a ThrongError without causes; an unforeseen error keeps type and place only."""
    if isinstance(error, ThrongError):
        fault: ThrongError = error
    elif isinstance(error, MemoryError):
        fault = StepFailed(
            f"{verb}: memory ran out at {_origin(error.__traceback__)}.",
            "Free memory or give this process more, then run the same command again: nothing is half written.",
            "step.out_of_memory",
        )
    elif isinstance(error, OSError) and (machines := machine_fault(f"{verb}, {_origin(error.__traceback__)}", error)):
        fault = machines
    else:
        fault = StepFailed(
            f"{verb}: {type(error).__name__} at {_origin(error.__traceback__)}.",
            "This is a defect in Throng: report this line; running the command again is safe.",
            "step.defect",
        )
    fault.__cause__ = fault.__context__ = None
    return fault


def step(does: str) -> Callable[[Method[Verb, P, R]], Method[Verb, P, R]]:
    """Make a verb's method a step; the log of a flow run says what it `does`."""

    def made(method: Method[Verb, P, R]) -> Method[Verb, P, R]:
        @wraps(method)
        def run(verb: Verb, /, *args: P.args, **kwargs: P.kwargs) -> R:
            name = method.__name__

            def call() -> R:
                with _running_step(name):
                    return sanitised(type(verb).__name__.lower(), lambda: method(verb, *args, **kwargs))

            return _as_task(name, does, call) if _flow_is_active() else call()

        return run

    return made


@contextmanager
def _running_step(name: str) -> Iterator[None]:
    if watch := _callback.get():
        watch(name, 0, 0)
    token = _running.set(name)
    try:
        yield
    finally:
        _running.reset(token)


def _flow_is_active() -> bool:
    """Whether a flow runs here; without importing Prefect, for then none does."""
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def _as_task(name: str, does: str, call: Callable[[], R]) -> R:
    from prefect import Task
    from prefect.cache_policies import NO_CACHE
    from prefect.tasks import exponential_backoff

    task: Task[[], R] = Task(
        fn=lambda: call(),
        name=name,
        description=does,
        task_run_name=name,
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=RETRIES,
        retry_delay_seconds=exponential_backoff(BACKOFF_SECONDS),
        retry_jitter_factor=0.5,
        retry_condition_fn=_storage_was_unavailable,
    )
    log_to_run(f"{name}: {does}")  # the page's log reads as a story
    return task()


def _storage_was_unavailable(task: object, run: object, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), StorageUnavailable)


def _origin(trace: TracebackType | None) -> str:
    """The innermost line of our own code, as `module:line`."""
    frames = [(str(frame.f_globals.get("__name__")), line) for frame, line in walk_tb(trace)]
    ours = [(name, line) for name, line in frames if name.startswith(("flows.", "tasks.")) and name != __name__]
    return f"{ours[-1][0].rpartition('.')[2]}:{ours[-1][1]}" if ours else "an unknown place"
