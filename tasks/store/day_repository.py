"""Days in the catalog: each ingest is a generation; one row says which of them counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from sqlmodel import Session, col, delete, func, insert, select, tuple_

from tasks.errors import StepFailed
from tasks.refs import Listing
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.event_log import day_lineage, log_event
from tasks.store.lake_file import LakeFile
from tasks.store.tables import DayGeneration, DayState, GateLine, ListedFile, RowCount, StoredFile

DAY_TRANSITIONS: Mapping[DayState, frozenset[DayState]] = {
    DayState.CANDIDATE: frozenset({DayState.CURRENT, DayState.REJECTED}),
    DayState.CURRENT: frozenset({DayState.SUPERSEDED}),
    DayState.SUPERSEDED: frozenset(),
    DayState.REJECTED: frozenset(),
}
"""What may follow what: a generation becomes current once, and only its successor ends that."""

_UNKNOWN: Listing = MappingProxyType({})


@dataclass(frozen=True)
class DayInputs:
    """Digests of everything that decides what a day's ingest yields."""

    landing_digest: str
    zone_plan: str
    cell_plan: str
    policy_digest: str


@dataclass(frozen=True)
class Verdict:
    """What an ingest found: rows by (file, reason), the gate's lines as (rule, severity, status, ...) mappings."""

    rows_in: int
    rows_kept: int
    rows: Mapping[tuple[str, str], int]
    gate: Iterable[Mapping[str, Any]] = ()
    profile_revision: int | None = None
    files: tuple[LakeFile, ...] = ()
    """What it consists of in the lake; nothing where it was rejected."""
    event_files: int = 0
    event_files_unreadable: int = 0


class DayRepository(Repository):
    """Generations, row accounts and gate results."""

    def current(self, day: date) -> DayGeneration | None:
        """The generation that counts; None before the first successful ingest."""
        return next(iter(self.days(day, day)), None)

    def generation(self, day: date, number: int) -> DayGeneration:
        """A generation that exists, in any state."""
        with self._database.reading() as session:
            return session.get_one(DayGeneration, (day, number))

    def days(self, first: date, last: date) -> list[DayGeneration]:
        """The current generations of a range of days, both ends included, by date."""
        query = select(DayGeneration).filter_by(state=DayState.CURRENT).order_by(col(DayGeneration.day))
        return self._all(query.where(col(DayGeneration.day).between(first, last)))

    def generations(self, day: date | None = None) -> list[DayGeneration]:
        """Every generation, also rejected and superseded ones, of a day or of all, in order."""
        query = select(DayGeneration).order_by(col(DayGeneration.day), col(DayGeneration.generation))
        return self._all(query if day is None else query.filter_by(day=day))

    def account(self, day: date, generation: int) -> list[RowCount]:
        """The row account, by file and reason."""
        query = select(RowCount).filter_by(day=day, generation=generation)
        return self._all(query.order_by(col(RowCount.file), col(RowCount.reason)))

    def gate(self, day: date, generation: int) -> list[GateLine]:
        """The gate's lines, by rule."""
        return self._all(select(GateLine).filter_by(day=day, generation=generation).order_by(col(GateLine.rule)))

    def listings(self, first: date, last: date) -> dict[tuple[date, int], Listing]:
        """Event files of each day's latest generations that are not superseded, by day and generation."""
        state = col(DayGeneration.state)
        latest = (
            select(col(DayGeneration.day), func.max(col(DayGeneration.generation)))
            .where(state != DayState.SUPERSEDED, col(DayGeneration.day).between(first, last))
            .group_by(col(DayGeneration.day), state)
        )
        query = select(ListedFile).where(tuple_(col(ListedFile.day), col(ListedFile.generation)).in_(latest))
        found: dict[tuple[date, int], dict[str, tuple[int, int]]] = {}
        for file in self._all(query):
            found.setdefault((file.day, file.generation), {})[file.name] = (file.bytes, file.mtime_ns)
        return {**found}

    def begin_day(self, day: date, inputs: DayInputs, files: Listing = _UNKNOWN) -> int:
        """The generation to build, under the day's lock: the next number, or that of an attempt that died.

        `files` are the event files that it is made from; those of a dead attempt are forgotten.
        """
        with self._database.writing() as session:
            latest = select(DayGeneration).filter_by(day=day).order_by(col(DayGeneration.generation).desc())
            row = session.exec(latest).first()
            if row is None or row.state is not DayState.CANDIDATE:
                number = row.generation + 1 if row else 1
                row = DayGeneration(day=day, generation=number, state=DayState.CANDIDATE, **vars(inputs))
            row.sqlmodel_update(vars(inputs))
            session.add(row)
            _list(session, row, files)
            return row.generation

    def accept_day(self, day: date, generation: int, verdict: Verdict, audit: AuditEntry) -> None:
        """Make a candidate the day's current generation, and the one before superseded, in one transaction."""
        with self._database.writing() as session:
            for before in session.exec(select(DayGeneration).filter_by(day=day, state=DayState.CURRENT)):
                _move(before, DayState.SUPERSEDED)
            _close(session, day, generation, DayState.CURRENT, verdict)
            session.add_all(StoredFile(day=day, generation=generation, **vars(file)) for file in verdict.files)
            record(session, audit, day_lineage(day, generation))

    def reject_day(self, day: date, generation: int, verdict: Verdict, audit: AuditEntry) -> None:
        """Close a candidate that the gate stopped; what counted before still counts."""
        with self._database.writing() as session:
            _close(session, day, generation, DayState.REJECTED, verdict)
            record(session, audit, day_lineage(day, generation))


def _list(session: Session, of: DayGeneration, files: Listing) -> None:
    place: dict[str, Any] = {"day": of.day, "generation": of.generation}
    session.exec(delete(ListedFile).filter_by(**place))
    listed = [{**place, "name": name, "bytes": size, "mtime_ns": at} for name, (size, at) in files.items()]
    if listed:
        session.exec(insert(ListedFile), params=listed)
    for name, (size, _) in files.items():
        log_event(session, "landing file taken up", name, day_lineage(of.day, of.generation), bytes=size)


def _close(session: Session, day: date, generation: int, state: DayState, verdict: Verdict) -> None:
    row = session.get_one(DayGeneration, (day, generation))
    _move(row, state)
    row.sqlmodel_update({name: value for name, value in vars(verdict).items() if name in DayGeneration.model_fields})
    row.ingested_at = datetime.now(UTC)
    place: dict[str, Any] = {"day": day, "generation": generation}
    counts = [{**place, "file": file, "reason": reason, "rows": n} for (file, reason), n in verdict.rows.items()]
    if counts:
        session.exec(insert(RowCount), params=counts)
    for line in verdict.gate:
        session.add(GateLine(**place, **line))


def _move(row: DayGeneration, state: DayState) -> None:
    if state not in DAY_TRANSITIONS[row.state]:
        raise StepFailed(
            f"catalog: generation {row.generation} of {row.day} is {row.state} and cannot become {state}.",
            "This is a defect in Throng: two ingests of one day ran without its lock.",
            "catalog.day_transition",
        )
    row.state = state
