"""A generation of a day in staging, between its walk and the gate's verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tasks.engine.spec import DayResult
from tasks.events.file_facts import FileFacts
from tasks.events.gate import GateResult, GateStatus
from tasks.events.landing import LandingFile
from tasks.events.late_arrivals import listing_of
from tasks.events.row_counts import ALL_FILES
from tasks.refs import DayRef, Outcome
from tasks.store import LandingStores
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict

KEPT_ROWS, OUTSIDE_ZONES = "kept", "outside_zones"
"""Entries of the stored account beside the reasons; `outside_zones` is a part of `kept`."""
_WARNED = (GateStatus.FAILED, GateStatus.ERROR, GateStatus.OVERRIDDEN)


@dataclass(frozen=True)
class StagedDayRef:
    """A generation in staging: its number, what it was made of, and what was found."""

    day: date
    generation: int
    inputs: DayInputs
    found: Verdict
    """Its rows by file and reason; the gate's lines and the profile come later."""
    facts: FileFacts
    notes: tuple[str, ...] = ()
    """What the operator should know of its plans."""

    def accepted(self, results: Iterable[GateResult]) -> DayRef:
        """A file that was left out or holds no row is named even within the policy's limit: the day lacks its rows."""
        files = {"rejected_files": self.facts.rejected, "empty_files": self.facts.empty}
        said = [
            f"{result.rule}: {result.message}"
            for result in results
            if result.status in _WARNED or files.get(result.rule)
        ]
        rows = self.found.rows_in, self.found.rows_kept
        return DayRef(self.day, self.generation, Outcome.INGESTED, *rows, (*said, *self.notes))


def gate_lines(results: Iterable[GateResult]) -> list[Mapping[str, Any]]:
    """What the catalog keeps of the gate's results."""
    return [{**asdict(result), "status": result.status.value} for result in results]


def reject(stores: LandingStores, day: date, generation: int, verdict: Verdict, results: Iterable[GateResult]) -> None:
    """Close a generation that rules stop."""
    stores.lake.staged_version(day, generation).discard()  # first: no rows, wherever the process dies
    rules = ", ".join(result.rule for result in results if result.stops)
    subject = f"day {day} generation {generation}"
    rows_in, rows_kept = verdict.rows_in, verdict.rows_kept
    entry = AuditEntry.by_user("day rejected", subject, rows_in=rows_in, rows_kept=rows_kept, rules=rules)
    stores.catalog.reject_day(day, generation, verdict, entry)


def reject_unread(
    stores: LandingStores, day: date, landing: str, files: Sequence[LandingFile], results: Sequence[GateResult]
) -> None:
    """Reject a day (`landing`: its digest) that cannot be read with its cells and zones; the gate's lines are kept."""
    stores.locks.confirm()  # else another process may be writing the day
    inputs = DayInputs(landing, zone_plan="", cell_plan="", policy_digest=stores.policy.digest)
    generation = stores.catalog.begin_day(day, inputs, listing_of(files))
    verdict = Verdict(0, 0, {}, gate_lines(results), event_files=len(files))
    reject(stores, day, generation, verdict, results)


def staged_day_ref(day: date, generation: int, inputs: DayInputs, result: DayResult, facts: FileFacts) -> StagedDayRef:
    """What the next steps need to know of a walk: totals by day, file and reason."""
    account = result.read.account
    rows = {(file, reason.value): count for (file, reason), count in account.set_aside.items()}
    rows |= {(ALL_FILES, KEPT_ROWS): account.kept, (ALL_FILES, OUTSIDE_ZONES): result.outside_zones}
    unreadable = len(facts.rejected)
    found = Verdict(account.total, account.kept, rows, event_files=facts.files, event_files_unreadable=unreadable)
    return StagedDayRef(day, generation, inputs, found, facts)
