"""A server on loopback: a process over a folder, with a log, that can be started again at the same address."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tasks.errors import StorageUnavailable

START_SECONDS = 60


@dataclass
class LoopbackServer:
    """A server over a folder's data."""

    name: ClassVar[str]
    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.folder / "server.log"

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def launch(self, command: Sequence[str | Path], **more: Any) -> None:
        """Start the command, and wait for nothing; its log is ours alone."""
        with open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            self.process = subprocess.Popen(  # noqa: S603 - a wheel's own program and our flags
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the owner, who stops the server last
                **more,
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready; raises StorageUnavailable if it ends before, or after a minute."""
        end = time.monotonic() + START_SECONDS
        while self.runs and time.monotonic() < end:
            if ready():
                return
            time.sleep(0.05)
        raise StorageUnavailable(
            f"{self.name} on this machine did not start.", f"Read {self.log}, and try again.", "services.not_started"
        )
