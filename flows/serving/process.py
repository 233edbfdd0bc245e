"""Which process a flow run is, so that it can be asked later whether that is still there."""

import os
import socket
from pathlib import Path


def this_process() -> str | None:
    """This machine, this process and when it began (process numbers come again); None where the kernel tells none."""
    began = _began(os.getpid())
    return f"{socket.gethostname()} {os.getpid()} {began}" if began else None


def gone(process: str | None) -> bool:
    """Whether it was a process of this machine that has ended; what is written otherwise is somebody else's."""
    match (process or "").split():
        case [machine, number, began] if machine == socket.gethostname() and number.isdecimal():
            return _began(int(number)) != began
    return False


def _began(number: int) -> str | None:
    """The process's start in clock ticks since boot: field 22 of its `stat`, of which field 2 may hold blanks."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
