"""Whether `throng serve` runs in a home, and where: a lock that falls with its process, and an address beside it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

from tasks.errors import Misconfigured

ASIDE_SECONDS = 1
"""Others hold the lock for a moment when they look whether it is held."""


@contextmanager
def serve_lock(home: Path) -> Iterator[None]:
    """One `throng serve` a home; raises Misconfigured in the second."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "serve.lock").open("w") as lock:
        end = time.monotonic() + ASIDE_SECONDS
        while not _locked(lock.fileno(), LOCK_EX):
            if time.monotonic() > end:
                where = _written(home) or "still starting"
                raise Misconfigured(
                    f"Another `throng serve` runs in {home} ({where}).", "Use it, or stop it first.", "serve.running"
                )
            time.sleep(0.05)
        _file(home).unlink(missing_ok=True)
        try:
            yield
        finally:
            _file(home).unlink(missing_ok=True)


def write_address(home: Path, api: str) -> None:
    """Tell this home's commands where Prefect's API is."""
    new = _file(home).with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps({"api": api, "pid": os.getpid()}))
    new.replace(_file(home))


def running_api(home: Path) -> str | None:
    """The API of the `throng serve` that runs in this home; None without one, however the last one ended."""
    api = _written(home)
    return api if api and _held(home / "serve.lock") else None


def _file(home: Path) -> Path:
    return home / "serve.json"


def _written(home: Path) -> str | None:
    try:
        return str(json.loads(_file(home).read_text())["api"])
    except (OSError, ValueError, KeyError):
        return None


def _held(path: Path) -> bool:
    try:
        with path.open() as lock:
            return not _locked(lock.fileno(), LOCK_SH)
    except OSError:
        return False


def _locked(file: int, how: int) -> bool:
    try:
        flock(file, how | LOCK_NB)
    except BlockingIOError:
        return False
    return True
