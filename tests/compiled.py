"""Kernels compiled once for all workers, while these collect: each would compile for ten CPU-seconds."""

import os
import subprocess
import sys
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_SH, flock
from pathlib import Path
from typing import Any


def begin() -> Callable[[], Any]:
    """Compile into an empty cache, in a process that holds its lock until it ends; returns what waits for that."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if not folder or list(Path(folder).iterdir()):
        return lambda: None
    with _lock(folder).open("w") as lock:
        flock(lock, LOCK_EX)
        return subprocess.Popen([sys.executable, "-m", "tests.kernels"], pass_fds=[lock.fileno()]).wait


def wait() -> None:
    """Return when nobody holds the lock."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder and _lock(folder).exists():
        with _lock(folder).open() as lock:
            flock(lock, LOCK_SH)


def _lock(folder: str) -> Path:
    return Path(f"{folder}.lock")
