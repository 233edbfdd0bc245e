"""The cost of a run, counted by the stores: bytes read and written, requests to object stores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class Usage:
    """The costs of one run so far."""

    bytes_read: int = 0
    bytes_written: int = 0
    s3_requests: int = 0
    _started: float = field(default_factory=time.process_time)
    _one_at_a_time: Lock = field(default_factory=Lock, repr=False)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the whole process, all threads included, since counting began.

        Verbs that run in one process at the same time each count all of it: an upper bound, to be added up by nobody.
        """
        return time.process_time() - self._started


_usage: ContextVar[Usage | None] = ContextVar("usage", default=None)


@contextmanager
def tracked() -> Iterator[Usage]:
    """Count what the block costs, in this thread and where its context was copied to."""
    token = _usage.set(usage := Usage())
    try:
        yield usage
    finally:
        _usage.reset(token)


def count(read: int = 0, written: int = 0, requests: int = 0) -> None:
    """Count bytes of landing, lake or a bucket, and requests to object stores, for the run that goes on here."""
    if usage := _usage.get():
        with usage._one_at_a_time:
            usage.bytes_read += read
            usage.bytes_written += written
            usage.s3_requests += requests


def count_request(**_: Any) -> None:
    """A request goes out to an object store; called by botocore for each attempt."""
    count(requests=1)
