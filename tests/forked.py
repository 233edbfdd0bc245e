"""Processes forked from one that has imported everything: each begins clean, as a command does, but at once.

One server of forks serves a test process; it ends with it.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])
MOST_SECONDS = 120
KILLED = "killed"


class Died(AssertionError):
    """The process ended without an answer, and was not killed by SIGKILL."""


class Forks:
    """Runs acts, one after the other, each in a process with this environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.credentials = environment

    def __call__(self, act: Callable[..., Any], *given: Any) -> Any:
        """What the act returns, or KILLED; raises Died, or AssertionError with the act's error."""
        answers, answer = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=_answer, args=(act, given, _without_ours() | dict(self.credentials), answer))
        process.start()
        answer.close()
        try:
            done, said = answers.recv()
        except EOFError:
            done, said = None, None
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return KILLED
        if done is None:
            raise Died(f"status {process.exitcode}")
        assert done, said
        return said


class Command:
    """The command line in a process of its own, as `subprocess.Popen` shows one; what it writes rests in files."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdout: str | None = None,
        stderr: str | None = None,
    ) -> None:
        self._kept = tempfile.TemporaryDirectory(prefix="throng-command-")
        self._out = Path(stdout or f"{self._kept.name}/out")
        self._err = Path(stderr or f"{self._kept.name}/err")
        given = dict(os.environ if environment is None else environment)
        self._process = CONTEXT.Process(
            target=_command, args=([*words], given, str(folder or Path.cwd()), str(self._out), str(self._err))
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid
        return self._process.pid

    @property
    def said(self) -> str:
        """What is written on stderr by now."""
        return self._err.read_text() if self._err.exists() else ""

    def wait(self, seconds: float = MOST_SECONDS) -> int:
        """The exit code, once it has ended."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "the command does not end"
        return self._process.exitcode

    def answer(self, seconds: float = MOST_SECONDS) -> tuple[int, str]:
        """Exit code and stdout, once it has ended."""
        return self.wait(seconds), self._out.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


def _without_ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("THRONG_", "AWS_"))}


def _answer(act: Callable[..., Any], given: tuple[Any, ...], environment: dict[str, str], answer: Connection) -> None:
    signal.alarm(MOST_SECONDS)  # a process that hangs is an answer too
    _become(environment)
    try:
        answer.send((True, act(*given)))
    except BaseException:
        answer.send((False, traceback.format_exc()))


def _command(words: list[str], environment: dict[str, str], folder: str, out: str, err: str) -> None:
    for number, name in ((1, out), (2, err)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
    _become(environment)
    os.chdir(folder)
    sys.argv = ["throng", *words]
    from flows.cli import main

    main()


def _become(environment: dict[str, str]) -> None:
    assert "tests.preloaded" in sys.modules, "the server of forks could not import what it should"
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
