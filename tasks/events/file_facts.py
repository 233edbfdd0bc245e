"""Exact facts of a day's event files, independent of subscribers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tasks.events.files import RejectedFile
from tasks.events.landing import DayLanding
from tasks.events.plan_rules import PlanMeasure
from tasks.events.read import ReadResult
from tasks.events.reasons import Reason
from tasks.events.register_values import RegisterFacts


@dataclass(frozen=True)
class FileFacts:
    """Exact facts of a day's files, independent of subscribers."""

    files: int
    rejected: tuple[str, ...]
    """Names of the files that could not be read."""
    empty: tuple[str, ...]
    """Names of the files that could be read and hold no row."""
    rows: int
    kept: int
    unreadable_rows: int
    missing_subscribers: int
    lateness_hours: float
    """Between the day's end and the newest file."""
    plans: tuple[PlanMeasure, ...] = ()
    """What the rules for cells and zones counted."""
    registers: RegisterFacts = field(default_factory=RegisterFacts)
    """What is exactly known of the values of the registers."""
    unfit: Mapping[Reason, int] = field(default_factory=dict)
    """Rows by what is wrong with their time, cell or network, regardless of their subscriber."""
    why: Mapping[str, str] = field(default_factory=dict)
    """By rule: where rows went, in counts by reason and forms of values; for the operator alone."""

    def having(self, *reasons: Reason) -> int:
        """Rows that have one of these faults, regardless of their subscriber."""
        return sum(self.unfit.get(reason, 0) for reason in reasons)


def file_facts(
    landing: DayLanding, read: ReadResult, at_once: tuple[RejectedFile, ...], day_end: datetime
) -> FileFacts:
    """Exact facts of the day's files, of all rows in them; `at_once`: files that no query could begin to read."""
    account, unreadable = read.account, (*at_once, *read.unreadable)
    late = (landing.newest - day_end) / timedelta(hours=1) if landing.newest else 0.0
    return FileFacts(
        files=len(landing.files),
        rejected=tuple(sorted(f"{file.name} ({file.why})" for file in unreadable)),
        empty=tuple(sorted(name for name, rows in account.rows_in.items() if not rows)),
        rows=account.total,
        kept=account.kept,
        unreadable_rows=account.reasons.get(Reason.UNREADABLE_ROW, 0),
        missing_subscribers=account.reasons.get(Reason.MISSING_SUBSCRIBER, 0),
        lateness_hours=max(late, 0.0),
        unfit=read.unfit,
    )
