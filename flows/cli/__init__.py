"""`throng`: the command line. One module per group of commands. Functions import heavy modules when called."""

import atexit
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
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


NEW_OBJECTS = 50_000
"""Objects after which garbage is collected. Python's default costs half a second of a verb: imports leave none."""


def main() -> None:
    """Run the command line. SIGTERM ends it as Ctrl-C does. Child processes inherit the limits set here."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold raw ids and keys
    os.environ["PYTHONSAFEPATH"] = "1"  # else `python -m prefect` would run a prefect.py of the current folder
    ask_directly()
    signal.signal(signal.SIGTERM, _interrupt)
    gc.set_threshold(NEW_OBJECTS)
    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, int):
            atexit.register(_end, end.code)  # runs once threads have ended, before what was registered earlier
        raise


def _end(code: int) -> None:
    """End a command that is done: the interpreter would first free each object of all libraries, for a second."""
    atexit.unregister(_end)
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # the interpreter says what cannot be written
        print(end="", flush=True)
        print(end="", flush=True, file=sys.stderr)
        os._exit(code & 0xFF)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
