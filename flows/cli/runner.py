"""How a verb is run: as a flow run with its page where a Prefect API is configured, else plainly. One code path."""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

from tasks.errors import INTERRUPTED

if TYPE_CHECKING:
    from flows.messages import Reference
    from flows.reconcile import Report
    from tasks.plan import Plan

LAST_WORDS_SECONDS = 10
"""So long a command that is stopped at once may take to say so; a third Ctrl-C ends it before."""


def run(verb: str, words: Mapping[str, Any], reason: str | None = None) -> "Reference":
    """Run a verb with its words; a reason's text goes to the audit table, and only its id any further."""
    from flows import entrypoints
    from flows.cli.progress import show_progress

    subject = " ".join(
        ", ".join(word) if isinstance(word, tuple) else str(word)
        for word in words.values()
        if word and word is not True
    )
    if reason:
        words = {**words, "reason_id": entrypoints.keep_reason(verb, subject, reason)}
    with show_progress(f"{verb} {subject}"):
        return _run(verb, words)  # type: ignore[no-any-return]


def run_many(verb: str, words: Mapping[str, Any], show: "Callable[[Plan], object] | None") -> "Report":
    """Run a verb over many periods: what `show` makes of its plan is seen first, then each step as it ends."""
    from flows.cli.progress import show_progress
    from flows.executor import Listener, subscribe

    def told(plan: "Plan") -> None:
        if show:
            screen.say(show(plan))

    with (
        show_progress(verb) as screen,
        _stoppable(screen.say) as stop,
        subscribe(Listener(told, lambda result: screen.say(str(result)), stop)),
    ):
        return _run(verb, words)  # type: ignore[no-any-return]


def _run(verb: str, words: Mapping[str, Any]) -> Any:
    from flows.serving import prefect_server

    if prefect_server.use_server():
        return _as_flow(verb, words)
    from flows.inline import run

    return run(verb, words)


@contextmanager
def _stoppable(say: Callable[[object], None]) -> Iterator[Event]:
    """The first Ctrl-C or SIGTERM lets running steps end; a second one ends the process at once."""
    stop, before = Event(), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            last = Thread(target=_stopped_at_once, args=(say,), daemon=True)
            last.start()
            last.join(LAST_WORDS_SECONDS)
            os._exit(INTERRUPTED)  # threads cannot be interrupted; whatever dies here, the next run finishes
        stop.set()
        text = "Stopping: steps that run are finished first. Ctrl-C again stops at once; nothing is lost either way."
        Thread(target=say, args=(text,)).start()  # here it might break into a line that is being printed

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopped_at_once(say: Callable[[object], None]) -> None:
    """On the run's page, if there is one, and on the terminal: that one might wait for a line that is being printed."""
    from flows.serving.api import Api, Unreachable
    from flows.serving.login import ASKING
    from flows.serving.terminal_states import close_own_runs

    if url := os.environ.get("PREFECT_API_URL"):
        with suppress(Unreachable):
            close_own_runs(Api(url.rstrip("/"), os.environ.get(ASKING, "")))
    say(f"Stopped at once; `{shlex.join(['throng', *sys.argv[1:]])}` goes on.")


def _as_flow(verb: str, words: Mapping[str, Any]) -> Any:
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")  # the command says what happened
    from flows.cli.prefect_errors import translate

    try:
        state = _ended(verb, words)
    except Exception as error:
        if fault := translate(error):
            raise fault from None
        raise
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def _ended(verb: str, words: Mapping[str, Any]) -> Any:
    """The last state of a flow run."""
    import asyncio
    from importlib import import_module

    from prefect.exceptions import TerminationSignal

    try:
        return asyncio.run(getattr(import_module(f"flows.{verb}"), verb)(**words, return_state=True))
    except TerminationSignal:  # within a flow Prefect handles SIGTERM
        raise KeyboardInterrupt from None
