"""The lock that one `throng serve` holds in a home, and beside it the address of its API."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.serving.process_identity import alive, this_process
from tasks.errors import Misconfigured
from tasks.store.atomic_files import make_folder, replace_file


@contextmanager
def exclusive(path: Path, taken: Misconfigured) -> Iterator[None]:
    """Hold a lock for the length of the block, however the process ends; raise `taken` if another process holds it."""
    make_folder(path.parent)
    try:
        held = FileLock(path).acquire(timeout=0)
    except Timeout:
        raise taken from None
    with held:
        yield


@contextmanager
def serve_lock(home: Path) -> Iterator[None]:
    """Allow one `throng serve` a home; raise Misconfigured in the second."""
    where = running_api(home) or "it is starting"
    taken = Misconfigured(
        f"Another `throng serve` runs in {home} ({where}).", "Use it, or stop it first.", "serve.running"
    )
    with exclusive(home / "serve.lock", taken):
        try:
            yield
        finally:
            _file(home).unlink(missing_ok=True)


def write_address(home: Path, api: str) -> None:
    """Write the API's address for this home's commands."""
    replace_file(_file(home), json.dumps({"api": api, "process": this_process()}).encode())


def running_api(home: Path) -> str | None:
    """Return the API of the `throng serve` that runs in this home; None without one, however the last one ended."""
    try:
        written = json.loads(_file(home).read_text())
        return str(written["api"]) if alive(written["process"]) else None
    except (OSError, ValueError, KeyError):
        return None


def _file(home: Path) -> Path:
    return home / "serve.json"
