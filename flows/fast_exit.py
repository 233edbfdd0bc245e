"""Spend little on memory in a short process: search for garbage seldom, and end without freeing each object."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NEW_OBJECTS = 50_000
"""Objects after which garbage is collected. Python's default costs half a second of a verb: imports leave none."""


@contextmanager
def fast_exit() -> Iterator[None]:
    """Run what the process is for. If it raises SystemExit with a code, the process ends fast, with that code."""
    gc.set_threshold(NEW_OBJECTS)
    try:
        yield
    except SystemExit as end:
        if isinstance(end.code, int):
            atexit.register(_end, end.code)  # runs once threads have ended, before what was registered earlier
        raise


def _end(code: int) -> None:
    """End a process that is done: the interpreter would first free each object of all libraries, for a second."""
    atexit.unregister(_end)
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # the interpreter says what cannot be written
        print(end="", flush=True)
        print(end="", flush=True, file=sys.stderr)
        os._exit(code & 0xFF)
