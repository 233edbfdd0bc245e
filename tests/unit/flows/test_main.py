"""What is so of every process before its command begins, and of all that it starts."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CORES = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
COMMAND = """
import subprocess, sys
from flows import cli
cli.app = lambda: subprocess.run([sys.executable, *{child}], check=True)
cli.main()
"""


def _started(child: list[str], **how: Any) -> str:
    """What a child of a command says."""
    command = [sys.executable, "-c", COMMAND.format(child=child)]
    return str(subprocess.run(command, capture_output=True, text=True, check=True, **how).stdout)


def _cores(limits: tuple[int, int]) -> str:
    """The limits of core dumps in a child of a command that is started with these."""
    return _started(["-c", CORES], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, limits))


def test_no_command_and_nothing_that_it_starts_leaves_a_core_which_would_hold_ids_and_keys() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert _cores((hard, hard)) == "(0, 0)\n"
    assert _cores((0, hard)) == "(0, 0)\n"
    assert _cores((0, 0)) == "(0, 0)\n"


def test_what_a_command_starts_runs_no_module_that_lies_in_the_folder_it_was_called_in(tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("print('planted')")
    assert subprocess.check_output([sys.executable, "-m", "colorsys"], cwd=tmp_path) == b"planted\n"
    assert _started(["-m", "colorsys"], cwd=tmp_path) == ""


def _ended(body: str) -> "subprocess.CompletedProcess[str]":
    """How a process ends whose command does this."""
    code = (
        f"import atexit, sys, threading, time\nfrom flows import cli\ndef app():\n    {body}\ncli.app = app\ncli.main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(("ends", "code"), [("sys.exit(20)", 20), ("sys.exit()", 0), ("sys.exit(0)", 0), ("1 / 0", 1)])
def test_a_command_ends_with_its_code_and_all_that_it_wrote_and_registered(ends: str, code: int) -> None:
    late = "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()"
    said = _ended(f"print('said'); atexit.register(print, 'last'); {late}; {ends}")
    assert (said.returncode, said.stdout) == (code, "said\nlate\nlast\n")


def test_a_command_that_is_done_does_not_free_the_objects_of_its_libraries() -> None:
    cycle = "A = type('A', (), {'__del__': lambda a: print('freed')}); a = A(); a.itself = a; sys.a = a"
    assert _ended(f"{cycle}; sys.exit(0)").stdout == ""
