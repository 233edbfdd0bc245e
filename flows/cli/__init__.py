"""`throng`: the command line. A small module for each group of commands; heavy imports stand where they are used."""

import os
import resource
import signal
from types import FrameType

from flows.cli import clients, demo, diagnostics, history, pipeline, schedule, serve, simulate, start, status
from flows.cli.app import app
from tasks.loopback import ask_directly

__all__ = [
    "app",
    "clients",
    "demo",
    "diagnostics",
    "history",
    "main",
    "pipeline",
    "schedule",
    "serve",
    "simulate",
    "start",
    "status",
]


def main() -> None:
    """Run the command line; a polite kill ends it as Ctrl-C does. What children inherit is set here, too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # raw ids and keys would be in a core dump
    os.environ["PYTHONSAFEPATH"] = "1"  # else `python -m prefect` would run a prefect.py of the current folder
    ask_directly()
    signal.signal(signal.SIGTERM, _interrupt)
    app()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
