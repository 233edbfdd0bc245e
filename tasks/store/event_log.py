"""The log: one JSON line for each change of state once it is committed, each run's start and end, each landing file.

A line holds only what its writer names: ids, dates, digests, counts. Free text (reasons, error
messages) stays in the audit table and the catalog. So do numbers in file names, which may be a subscriber's: files are
erased, the log is not. A line's `lineage` is the same from a landing file to the delivery
made of it. The log may lack lines (a full disk, a process killed after its commit); the audit table lacks none.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import ENOSPC
from functools import cache
from pathlib import Path

from sqlmodel import Session

from tasks.errors import StorageUnavailable, masked
from tasks.store.atomic_files import locked, make_folder, translate_errors
from tasks.store.tables import Run

Fact = str | int | float | None
_LINES = "lines"
"""Under which a session keeps the lines that wait for its commit."""


class EventLog:
    """`throng.jsonl` in a folder of its own; older files are `throng.jsonl.1` and so on, the newest first."""

    def __init__(self, folder: Path, most_bytes: int = 50_000_000, kept: int = 5) -> None:
        self.path = folder / "throng.jsonl"
        self._most_bytes = most_bytes
        self._kept = kept

    def write(self, lines: Iterable[Mapping[str, Fact]]) -> None:
        """Append the lines. A log that cannot be written stops nobody: it is said once, on stderr."""
        told = (
            {name: masked(fact) if isinstance(fact, str) else fact for name, fact in line.items()} for line in lines
        )
        written = [json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n" for line in told]
        try:
            if written:
                make_folder(self.path.parent)
                with translate_errors(self.path):
                    self._append(written)
        except StorageUnavailable as fault:
            _say_once(fault.what)

    def _append(self, lines: Iterable[bytes]) -> None:
        """One write per line at the file's end, so that lines of several processes do not mix.

        A line that a full disk has cut is ended by the next one. While another process writes, a line may look so:
        then an empty one follows, which readers of JSON lines skip.
        """
        handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            size = os.fstat(handle).st_size
            whole = not size or os.pread(handle, 1, size - 1) == b"\n"
            for line in lines:
                line = line if whole else b"\n" + line
                if os.write(handle, line) < len(line):
                    raise OSError(ENOSPC, "cut")
                whole = True
        finally:
            os.close(handle)
        if size > self._most_bytes:
            self._rotate()

    def _rotate(self) -> None:
        """Begin a new file, unless another process has just done so; who has the old one open still writes into it."""
        with locked(self.path.parent):
            if self.path.exists() and self.path.stat().st_size > self._most_bytes:
                for number in range(self._kept - 1, 0, -1):
                    if (older := self._older(number)).exists():
                        older.replace(self._older(number + 1))
                self.path.replace(self._older(1))

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


@dataclass
class RunContext:
    """The run that acts here, and of what it is, as far as that is known."""

    run: Run
    lineage: str = ""


_trace: ContextVar[RunContext | None] = ContextVar("trace", default=None)


@contextmanager
def run_context(run: Run) -> Iterator[RunContext]:
    """Mark the lines of the block as this run's."""
    token = _trace.set(trace := RunContext(run))
    try:
        yield trace
    finally:
        _trace.reset(token)


def bind_lineage(lineage: str) -> None:
    """From here on the run is about this lineage."""
    if trace := _trace.get():
        trace.lineage = lineage


def day_lineage(day: object, generation: int) -> str:
    """The lineage of all that is made from one generation of a day: `2026-03-01/g2`."""
    return f"{day}/g{generation}"


def release_lineage(period: str, generations: Mapping[str, int]) -> str:
    """A release's lineage: that of its day's generation, or its period (`2026-03`) where it is made of several days."""
    return day_lineage(period, generations[period]) if period in generations else period


def log_event(session: Session, event: str, subject: str, lineage: str = "", /, **facts: Fact) -> None:
    """Have a line written once the session's transaction is committed, and only then."""
    if trace := _trace.get():
        trace.lineage = lineage = lineage or trace.lineage
        run = trace.run
        facts |= {"verb": run.verb, "run": run.id, "flow_run_id": run.flow_run_id}
    line: dict[str, Fact] = {"at": datetime.now(UTC).isoformat(), "event": event, "subject": subject}
    line |= {"lineage": lineage or None, **facts, "pid": os.getpid()}
    session.info.setdefault(_LINES, []).append({name: value for name, value in line.items() if value is not None})


def pending(session: Session) -> list[Mapping[str, Fact]]:
    """The lines of a session, in order."""
    lines: list[Mapping[str, Fact]] = session.info.get(_LINES, [])
    return lines


@cache
def _say_once(fault: str) -> None:
    logging.getLogger("throng").warning(
        "The log lacks lines: %s Work goes on; the audit table has every change.", fault
    )
