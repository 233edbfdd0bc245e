"""Runs of the catalog that their dead processes did not end: ended here as their pages say.

A process of its own: the catalog's libraries would take four times the memory that all the rest of the supervisor does.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tasks.step import sanitised

SECONDS = 20
"""How long the supervisor, which has children to look after, waits for the catalog."""


def close_in_catalog(died: Mapping[str, tuple[str, str]], log: Path) -> bool:
    """Record outcome and message of dead flow runs in the catalog, by id; returns whether it succeeded."""
    if not died:
        return True
    with log.open("wb") as output, suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [sys.executable, "-m", "flows.serving.close_runs"],
            input=json.dumps(died).encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        return done.returncode == 0
    return False


def _end(died: Mapping[str, tuple[str, str]]) -> None:
    from tasks.store import open_stores

    open_stores().catalog.end_runs(died)


if __name__ == "__main__":
    sanitised("books", lambda: _end(json.load(sys.stdin)))
