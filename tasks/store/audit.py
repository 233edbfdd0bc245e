"""The audit table: who did what to which thing; every change of state is written together with its entry."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import Session, col, select

from tasks.store.database import Repository
from tasks.store.event_log import Fact, log_event
from tasks.store.tables import Audit


@dataclass(frozen=True)
class AuditEntry:
    """One act in words: the event (`release reserved`), its subject (`footfall/v3/2026-03-01/r1`), and why or how.

    `detail` is for the audit table alone: it may be what somebody wrote. The log has `facts` instead.
    """

    actor: str
    event: str
    subject: str
    detail: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @classmethod
    def by_user(cls, event: str, subject: str, detail: str = "", /, **facts: Fact) -> "AuditEntry":
        """An entry whose actor is the operating system's user."""
        return cls(this_user(), event, subject, detail, facts)


def this_user() -> str:
    """The operating system's user, for the audit table."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"


def record(session: Session, entry: AuditEntry, lineage: str = "") -> Audit:
    """Add the entry to a transaction that changes state; the log gets it after the commit."""
    row = Audit(at=datetime.now(UTC), actor=entry.actor, event=entry.event, subject=entry.subject, detail=entry.detail)
    session.add(row)
    log_event(session, entry.event, entry.subject, lineage, actor=entry.actor, **entry.facts)
    return row


class AuditLog(Repository):
    """Entries in the order in which they were written."""

    def write(self, entry: AuditEntry) -> int:
        """Write an entry of its own (a gate override with its reason) and return its id."""
        with self._database.writing() as session:
            row = record(session, entry)
            session.flush()
            return row.id

    def entry(self, number: int) -> Audit | None:
        """The entry of this id, if there is one."""
        with self._database.reading() as session:
            return session.get(Audit, number)

    def newest(self) -> Audit | None:
        """The entry that was written last."""
        return self._first(select(Audit).order_by(col(Audit.id).desc()).limit(1))

    def entries(self, subject: str | None = None) -> list[Audit]:
        """All entries, or those of one subject, oldest first."""
        query = select(Audit).order_by(col(Audit.id))
        return self._all(query if subject is None else query.filter_by(subject=subject))
