"""Which process a flow run is, so that it can be asked later whether that is still there."""

import os
import socket
from pathlib import Path
from typing import TypeGuard


def this_process() -> str | None:
    """This machine, this process and when it began (process numbers come again); None where the kernel tells none."""
    began = _began(os.getpid())
    return f"{socket.gethostname()} {os.getpid()} {began}" if began else None


def alive(process: str | None) -> bool:
    """Whether it is a process of this machine that has not ended."""
    return _here(process) and not gone(process)


def gone(process: str | None) -> bool:
    """Whether it was a process of this machine that has ended; what is written otherwise is somebody else's."""
    return _here(process) and _began(int(process.split()[1])) != process.split()[2]


def _here(process: str | None) -> TypeGuard[str]:
    match (process or "").split():
        case [machine, number, _]:
            return machine == socket.gethostname() and number.isdecimal()
    return False


def _began(number: int) -> str | None:
    """The process's start in clock ticks since boot: field 22 of its `stat`, of which field 2 may hold blanks."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
