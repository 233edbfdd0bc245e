"""One process that is started again whenever it ends: later each time, as long as it does not live."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_WAIT = 60
HEALTHY_SECONDS = 60
LOG_BYTES = 10_000_000


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command, which Linux kills when its parent ends, however that ends."""
    return ["setpriv", "--pdeathsig=KILL", *command] if shutil.which("setpriv") else list(command)


def start_logged(command: Sequence[str], log: Path, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a command that appends to its log; the kernel kills it when this process ends, however that ends."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and fixed words
            die_with_parent(command),
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops its children in order
        )


@dataclass
class ManagedProcess:
    """A process by name: its log, what starts it with its settings, and when it may be started again."""

    name: str
    log: Path
    spawn: "Callable[[Mapping[str, str]], subprocess.Popen[bytes] | None]"
    process: "subprocess.Popen[bytes] | None" = None
    not_before: float = 0
    ends: int = 0
    """How often it has ended since it last lived for long."""
    _started: float = field(default_factory=time.monotonic)

    def start(self, settings: Mapping[str, str]) -> None:
        """Start it."""
        self.process, self._started = self.spawn(settings), time.monotonic()

    def exited(self) -> int | None:
        """Its exit code, once, when it has ended; sets when it may be started again."""
        code = self.process.poll() if self.process else None
        if code is None:
            return None
        now = time.monotonic()
        self.ends = 1 if now - self._started > HEALTHY_SECONDS else self.ends + 1
        self.process, self.not_before = None, now + min(2**self.ends, LONGEST_WAIT)
        return code

    @property
    def due(self) -> bool:
        """Whether it is to be started now."""
        return self.process is None and time.monotonic() >= self.not_before

    def terminate(self) -> None:
        """Send SIGTERM, if it runs."""
        if self.process:
            self.process.terminate()

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
