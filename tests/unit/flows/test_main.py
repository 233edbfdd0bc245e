"""What is so of every process before its command begins, and of all that it starts."""

import resource
import subprocess
import sys

CHILD = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
COMMAND = f"""
import subprocess, sys
from flows import cli
cli.app = lambda: subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
cli.main()
"""


def _cores(limits: tuple[int, int]) -> str:
    """The limits of core dumps in a child of a command that is started with these."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, limits),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_no_command_and_nothing_that_it_starts_leaves_a_core_which_would_hold_ids_and_keys() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert _cores((hard, hard)) == "(0, 0)\n"
    assert _cores((0, hard)) == "(0, 0)\n"
    assert _cores((0, 0)) == "(0, 0)\n"
