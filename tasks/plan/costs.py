"""Estimates for a step: rows from bytes, seconds from earlier steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from tasks.store.tables import Run

LATEST = 20
FIRST_GUESS = {"ingest": 10.0, "publish": 5.0, "deliver": 3.0}
"""Seconds of a verb before its first run."""


@dataclass(frozen=True)
class Rates:
    """Measured rates: event rows per byte of landing, and each verb's usual seconds and bytes."""

    rows_per_byte: float | None
    usual: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, days: Iterable[tuple[int, int]], runs: Iterable[Run]) -> "Rates":
        """Build from the latest days (rows, bytes) and the latest run of each verb on each subject."""
        latest = [(rows, size) for rows, size in days if size][-LATEST:]
        size = sum(size for _, size in latest)
        done = [run for run in runs if run.ended and run.exit_code == 0 and not idle(run)]
        by_verb = {verb: [run for run in done if run.verb == verb][-LATEST:] for verb in FIRST_GUESS}
        usual = {verb: _usual(runs) for verb, runs in by_verb.items() if runs}
        return cls(sum(rows for rows, _ in latest) / size if size else None, usual)

    def rows(self, size: int) -> int | None:
        """Event rows in this number of bytes; None before the first day."""
        return round(size * self.rows_per_byte) if self.rows_per_byte else None

    def seconds(self, verb: str, size: int = 0) -> float:
        """Expected seconds of a step: the median of earlier ones, scaled up for a larger landing."""
        usual, usual_size = self.usual.get(verb, (FIRST_GUESS[verb], 0.0))
        return round(usual * max(1.0, size / usual_size if usual_size else 1.0), 1)


def idle(run: Run) -> bool:
    """Whether the run found nothing to do, and so measures no work."""
    return (run.outcome or "").startswith(("Already", "Awaiting"))


def _usual(runs: list[Run]) -> tuple[float, float]:
    seconds = median((run.ended - run.started).total_seconds() for run in runs if run.ended)
    sizes = [run.bytes_read for run in runs if run.bytes_read]
    return seconds, median(sizes) if sizes else 0.0
