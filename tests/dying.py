"""kill -9 in the middle of an act, at every point where the act touches the world, one point after the other."""

import os
import signal
import sys
from collections.abc import Callable

Tick = Callable[[], None]

_FILE_ACTS = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}


MOST_SECONDS = 60
"""A fork of a process with threads can wait for a lock forever: it is killed then, which is a point like any other."""


def dies(act: Callable[[Tick], None], at: int) -> bool:
    """Run the act in a process that is killed at the tick of this number; whether the tick came."""
    pid = os.fork()
    if pid == 0:
        _end_in_child(act, at)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the act failed before it could be killed"
    return os.WIFSIGNALED(status)


def _end_in_child(act: Callable[[Tick], None], at: int) -> None:
    ticks = 0
    signal.alarm(MOST_SECONDS)

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        act(tick)
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(1)


def tick_before_file_acts(tick: Tick) -> None:
    """Tick before this process creates, writes, renames, links or removes a file."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        flags = arguments[2] if event == "open" else 0
        if event in _FILE_ACTS or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
            tick()

    sys.addaudithook(hook)


def in_child(act: Callable[[], bool]) -> bool:
    """Run the act in a process of its own, as audit hooks cannot be removed; what it returned."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if act() else 2)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 2), "the act failed"
    return status == 0


def on_nth_file_event(at: int, act: Callable[[], None]) -> Callable[[], bool]:
    """Act before this process opens, lists, creates, renames, links or removes a file for the at-th time."""
    events = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal events
        if event in {*_FILE_ACTS, "open", "os.scandir", "os.listdir"} and events < at:
            events += 1
            if events == at:
                act()

    sys.addaudithook(hook)
    return lambda: events == at
