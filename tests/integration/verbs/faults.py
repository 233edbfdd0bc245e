"""What befalls a process at a border: each is handed to the process, which calls it when the border is passed."""

import os
import pickle
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg

from tests.integration.verbs.acting import Act, attempt
from tests.integration.verbs.homes import database_url

ROOT = Path(__file__).parents[3]
MOST_SECONDS = 60


def nothing() -> None:
    """No fault."""


@dataclass(frozen=True)
class DiskFull:
    """From now on no file of this process grows beyond a size in bytes: all its disks are full."""

    size: int = 0

    def __call__(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@dataclass(frozen=True)
class MemoryLimit:
    """THRONG_MEMORY_LIMIT, for stores that are opened later."""

    limit: str

    def __call__(self) -> None:
        os.environ["THRONG_MEMORY_LIMIT"] = self.limit


@dataclass(frozen=True)
class LittleMemory:
    """From now on this process gets no more than so many bytes of address space beyond what it has."""

    more: int

    def __call__(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + self.more, resource.RLIM_INFINITY))


@dataclass(frozen=True)
class Replaced:
    """A file is replaced, at once as by rename(2), or overwritten in place, by another's bytes."""

    file: Path
    by: Path
    in_place: bool = False

    def __call__(self) -> None:
        if self.in_place:
            self.file.write_bytes(self.by.read_bytes())
        else:
            new = self.file.with_name(f".{token_hex(4)}")
            shutil.copyfile(self.by, new)
            new.replace(self.file)


@dataclass(frozen=True)
class Removed:
    """A file is gone."""

    file: Path

    def __call__(self) -> None:
        self.file.unlink()


@dataclass(frozen=True)
class Locked:
    """Another process locks SQLite's file for so many seconds; this process waits for a lock so long."""

    catalog: Path
    seconds: float
    wait: float

    def __call__(self) -> None:
        from sqlalchemy import event
        from sqlalchemy.pool import Pool

        wait = f"PRAGMA busy_timeout = {int(self.wait * 1000)}"
        event.listen(Pool, "checkout", lambda connection, *_: connection.execute(wait))
        ready = threading.Event()
        threading.Thread(target=self._hold, args=(ready,), daemon=True).start()
        ready.wait()

    def _hold(self, ready: threading.Event) -> None:
        other = sqlite3.connect(self.catalog, isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        ready.set()
        time.sleep(self.seconds)
        other.rollback()
        other.close()


@dataclass(frozen=True)
class Clock:
    """A clock that jumps after it was read so often."""

    starts: datetime
    jump: timedelta = timedelta()
    after: int = 0
    read: list[None] = field(default_factory=list)

    def __call__(self) -> datetime:
        self.read.append(None)
        return self.starts + (self.jump if len(self.read) > self.after else timedelta())


@dataclass(frozen=True)
class WhenRead:
    """A fault that begins when the subscribers have been read, and the consents have not."""

    fault: Callable[[], None]

    def __call__(self) -> None:
        from tasks.events import panel

        read = panel.load_people

        def then(*given: Any) -> None:
            read(*given)
            self.fault()

        panel.load_people = then  # type: ignore[assignment]


@dataclass(frozen=True)
class ServerStopped:
    """The PostgreSQL server ends by a signal; then the process goes on, at once or when the server is back."""

    data: Path
    port: int
    by: signal.Signals
    back: bool

    def __call__(self) -> None:
        ended = self._process()
        os.kill(int(ended), self.by)
        while answers(self.port) and self._process() == ended:  # another one may answer before we look
            time.sleep(0.02)
        while self.back and not answers(self.port):
            time.sleep(0.02)

    def _process(self) -> str:
        """Of the server; empty without one."""
        with suppress(OSError):
            return (self.data / "postmaster.pid").read_text().partition("\n")[0]
        return ""


def answers(port: int) -> bool:
    """Whether a server on this machine takes connections at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Other:
    """Another process that does an act, pauses at a border until it may go on, and then ends."""

    act: Act
    home: Path
    landing: Path
    half: str
    go: Path

    @property
    def done(self) -> Path:
        return self.go.with_suffix(".done")

    def begin(self) -> None:
        """Start it, and return when it pauses."""
        process = subprocess.Popen([sys.executable, "-c", _UNPICKLE], stdin=subprocess.PIPE, cwd=ROOT)
        process.communicate(pickle.dumps(self))
        wait_for(self.go.with_suffix(".half"))

    def __call__(self) -> None:
        if os.fork() == 0:
            attempt(self.act, self.home, self.landing, self.half, self._pause)
            self.done.touch()
            os._exit(0)
        os._exit(0)

    def _pause(self) -> None:
        self.go.with_suffix(".half").touch()
        wait_for(self.go)


_UNPICKLE = "import pickle, sys; pickle.load(sys.stdin.buffer)()"


@dataclass(frozen=True)
class LockLost:
    """As by a restart of PostgreSQL, the locks of this process fall; another one takes over, and is half done then."""

    home: Path
    other: Other

    def __call__(self) -> None:
        with psycopg.connect(str(database_url(self.home)), autocommit=True) as connection:
            holders = "FROM pg_locks WHERE locktype = 'advisory' AND granted"
            connection.execute(f"SELECT pg_terminate_backend(pid) {holders}")
            while connection.execute(f"SELECT count(*) {holders}").fetchall() != [(0,)]:
                time.sleep(0.02)
        self.other.begin()


def wait_for(file: Path) -> None:
    """Return when a file is there."""
    end = time.monotonic() + MOST_SECONDS
    while not file.exists():
        assert time.monotonic() < end, f"{file.name} never came"
        time.sleep(0.02)
