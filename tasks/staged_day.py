"""A generation of a day in staging, between its walk and the gate's verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.engine.spec import DayResult
from tasks.events.file_facts import FileFacts
from tasks.events.gate import GateResult, GateStatus
from tasks.events.row_counts import ALL_FILES
from tasks.refs import DayRef, Outcome
from tasks.store.catalog import DayInputs, Verdict

KEPT_ROWS, OUTSIDE_ZONES = "kept", "outside_zones"
"""Entries of the stored account beside the reasons; `outside_zones` is a part of `kept`."""
_WARNED = (GateStatus.FAILED, GateStatus.ERROR, GateStatus.OVERRIDDEN)


@dataclass(frozen=True)
class StagedDayRef:
    """A generation in staging: its number, what it was made of, and its rows by file and reason."""

    day: date
    generation: int
    inputs: DayInputs
    rows_in: int
    rows_kept: int
    rows: Mapping[tuple[str, str], int]
    facts: FileFacts
    notes: tuple[str, ...] = ()
    """What the operator should know of its plans."""

    def verdict(self, gate: Iterable[Mapping[str, Any]], revision: int | None) -> Verdict:
        """What the catalog keeps of it: its rows, the gate's lines, and the revision of its profile."""
        return Verdict(
            self.rows_in,
            self.rows_kept,
            self.rows,
            gate,
            revision,
            event_files=self.facts.files,
            event_files_unreadable=len(self.facts.rejected),
        )

    def accepted(self, results: Iterable[GateResult]) -> DayRef:
        """A file that was left out or holds no row is named even within the policy's limit: the day lacks its rows."""
        files = {"rejected_files": self.facts.rejected, "empty_files": self.facts.empty}
        said = [
            f"{result.rule}: {result.message}"
            for result in results
            if result.status in _WARNED or files.get(result.rule)
        ]
        return DayRef(self.day, self.generation, Outcome.INGESTED, self.rows_in, self.rows_kept, (*said, *self.notes))


def staged_day_ref(day: date, generation: int, inputs: DayInputs, result: DayResult, facts: FileFacts) -> StagedDayRef:
    """What the next steps need to know of a walk: totals by day, file and reason."""
    account = result.read.account
    rows = {(file, reason.value): count for (file, reason), count in account.set_aside.items()}
    rows |= {(ALL_FILES, KEPT_ROWS): account.kept, (ALL_FILES, OUTSIDE_ZONES): result.outside_zones}
    return StagedDayRef(day, generation, inputs, account.total, account.kept, rows, facts)
