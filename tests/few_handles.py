"""Too few file handles; in a process of its own for what may crash then, which is an end like kill -9."""

import faulthandler
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def end_with_few_handles(act: Callable[[], str], more: int) -> str:
    """What the act says in a process that may open so many files more than are open; `died` if it was killed by it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            faulthandler.disable()
            _allow(more)
            os.write(writer, act().encode())
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return "died" if os.WIFSIGNALED(status) else said


@contextmanager
def no_handles() -> Iterator[None]:
    """In this very process nothing more can be opened."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    _allow(0)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _allow(more: int) -> None:
    taken = {int(handle.name) for handle in list(Path("/proc/self/fd").iterdir()) if handle.is_symlink()}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [number for number in range(soft) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[more], hard))
