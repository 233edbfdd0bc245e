"""`throng`: the command line. One module per group of commands. Functions import heavy modules when called."""

import os
import resource
import signal
from types import FrameType

from flows.cli import (
    clients,
    clients_ended,
    coverage,
    demo,
    diagnostics,
    history,
    keys,
    local_bucket,
    pipeline,
    quote,
    schedule,
    serve,
    simulate,
    start,
    status,
)
from flows.cli.app import app
from flows.fast_exit import fast_exit
from tasks.loopback import ask_directly

__all__ = [
    "app",
    "clients",
    "clients_ended",
    "coverage",
    "demo",
    "diagnostics",
    "history",
    "keys",
    "local_bucket",
    "main",
    "pipeline",
    "quote",
    "schedule",
    "serve",
    "simulate",
    "start",
    "status",
]


def main() -> None:
    """Run the command line. SIGTERM ends it as Ctrl-C does. Child processes inherit the limits set here."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold raw ids and keys
    os.environ["PYTHONSAFEPATH"] = "1"  # else `python -m prefect` would run a prefect.py of the current folder
    ask_directly()
    signal.signal(signal.SIGTERM, _interrupt)
    with fast_exit():
        app()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
