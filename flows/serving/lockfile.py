"""The lock that one `throng serve` holds in a home, and beside it the address of its API."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.errors import Misconfigured
from tasks.store.atomic_files import make_folder, replace_file

PROBE_SECONDS = 1
"""Other commands hold the lock for a moment to see whether it is held."""


@contextmanager
def exclusive(path: Path, taken: Misconfigured, wait: float = 0) -> Iterator[None]:
    """Hold a lock for the length of the block, however the process ends; raise `taken` if another process holds it."""
    make_folder(path.parent)
    try:
        held = FileLock(path).acquire(timeout=wait)
    except Timeout:
        raise taken from None
    with held:
        yield


@contextmanager
def serve_lock(home: Path) -> Iterator[None]:
    """Allow one `throng serve` a home; raise Misconfigured in the second."""
    where = _written(home) or "it is starting"
    taken = Misconfigured(
        f"Another `throng serve` runs in {home} ({where}).", "Use it, or stop it first.", "serve.running"
    )
    with exclusive(home / "serve.lock", taken, PROBE_SECONDS):
        _file(home).unlink(missing_ok=True)
        try:
            yield
        finally:
            _file(home).unlink(missing_ok=True)


def write_address(home: Path, api: str) -> None:
    """Write the API's address for this home's commands."""
    replace_file(_file(home), json.dumps({"api": api, "pid": os.getpid()}).encode())


def running_api(home: Path) -> str | None:
    """Return the API of the `throng serve` that runs in this home; None without one, however the last one ended."""
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
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False
