"""A clean process that has imported everything; what it is asked to do, a fork of it does, and may be killed by it.

A process of its own, for the one that runs the tests has threads and open databases, which no fork should inherit.
"""

import gc
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MOST_SECONDS = 120
KILLED, STATUS = "killed", "status "


class Died(AssertionError):
    """The fork ended without an answer, by no kill of ours."""


class Warm:
    """Runs acts, one after the other, each in a fork."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.credentials = environment
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("THRONG_", "AWS_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.verbs.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={**kept, **environment, "OPENBLAS_NUM_THREADS": "1"},
        )

    def __call__(self, act: Callable[..., Any], *given: Any) -> Any:
        """What the act returns, or KILLED; raises Died, or AssertionError with the act's error."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((act, given), self._process.stdin)
        self._process.stdin.flush()
        done, answer = pickle.load(self._process.stdout)
        if not done and answer.startswith(STATUS):
            raise Died(answer)
        assert done, answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _load() -> None:
    """Import what verbs import, compile what they compile, and ask Great Expectations for the first time."""
    import numpy as np
    import pyarrow as pa

    import tasks.deliver
    import tasks.ingest
    import tasks.publish
    from tasks.mobility.day import CellArrays, walk_rules
    from tasks.mobility.tables import MONTH_STATE, PRESENCE
    from tasks.mobility.walk import walk_partition
    from tasks.period import Period
    from tasks.policy_file import load
    from tasks.privacy.noise import gaussian
    from tasks.validation import Expectation, validate

    validate(
        pa.table({"x": [1.0]}), [Expectation("x", "ExpectColumnValuesToBeBetween", {"column": "x", "max_value": 2})]
    )
    gaussian(1.0)
    nowhere = CellArrays(np.empty(0, np.int32), *(np.empty(0) for _ in range(4)))
    rules = walk_rules(load().policy, Period.parse("2026-03-03").first, 16384)
    walk_partition(np.empty(0, np.int64), nowhere, rules, (PRESENCE, MONTH_STATE))
    assert tasks.deliver
    assert tasks.ingest
    assert tasks.publish


def _answer(act: Callable[..., Any], given: tuple[Any, ...]) -> tuple[bool, Any]:
    """Run the act in a fork; whether it ended well, and what it returned, or its error."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _run(act, given, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True, KILLED
    return (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0), pickle.loads(said) if said else f"{STATUS}{status}"


def _run(act: Callable[..., Any], given: tuple[Any, ...], writer: int) -> None:
    signal.alarm(MOST_SECONDS)  # a fork that hangs is an answer too
    try:
        answer, code = act(*given), 0
    except BaseException:
        answer, code = traceback.format_exc(), 1
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(code)


def _serve() -> None:
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _load()
    gc.disable()  # else each fork would copy the pages that a collection touches
    gc.freeze()
    while True:
        try:
            act, given = pickle.load(requests)
        except EOFError:
            os._exit(0)  # nothing to clean up, and libraries complain of what the frozen collector still holds
        pickle.dump(_answer(act, given), answers)
        answers.flush()


if __name__ == "__main__":
    _serve()
