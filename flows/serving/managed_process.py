"""One process that is started again whenever it ends: later each time, as long as it does not live."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
HEALTHY_SECONDS = 60
LOG_BYTES = 10_000_000


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command, which Linux kills when its parent ends, however that ends."""
    return ["setpriv", "--pdeathsig=KILL", *command] if shutil.which("setpriv") else list(command)


@dataclass
class ManagedProcess:
    """A process by name: its command, its log, and when it may be started again."""

    name: str
    command: Sequence[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    not_before: float = 0
    ends: int = 0
    """How often it has ended since it last lived for long."""
    _wait: float = field(default=FIRST_WAIT)
    _started: float = 0

    def start(self, settings: Mapping[str, str]) -> None:
        """Start it; the kernel kills it when this process ends, however that ends."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed words
                die_with_parent(self.command),
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops its children in order
            )
        self._started = time.monotonic()

    def exited(self) -> int | None:
        """Its exit code, once, when it has ended; sets when it may be started again."""
        code = self.process.poll() if self.process else None
        if code is None:
            return None
        lived = time.monotonic() - self._started
        healthy = lived > HEALTHY_SECONDS
        self.ends = 1 if healthy else self.ends + 1
        self._wait = FIRST_WAIT if healthy else min(2 * self._wait, LONGEST_WAIT)
        self.process, self.not_before = None, time.monotonic() + self._wait
        return code

    @property
    def due(self) -> bool:
        """Whether it is to be started now."""
        return self.process is None and time.monotonic() >= self.not_before

    def terminate(self) -> None:
        """Send SIGTERM, if it runs."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait for its end, and kill it if that takes longer."""
        if self.process:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def rotate_log(self) -> None:
        """Keep the log's last part, and one before it: the child appends to whatever the file holds."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)


class StartableServer(Protocol):
    """A server beside ours, which can be started again where it was."""

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        """It, or what it was."""

    @property
    def log(self) -> Path:
        """What it wrote."""

    def start(self) -> None:
        """Start it."""


class ManagedService(ManagedProcess):
    """A running server; its first user stops it at the end."""

    def __init__(self, name: str, server: StartableServer) -> None:
        super().__init__(name, (), server.log, server.process)
        self._server, self._started = server, time.monotonic()

    def start(self, settings: Mapping[str, str]) -> None:
        """Start it again."""
        self._server.start()
        self.process, self._started = self._server.process, time.monotonic()
