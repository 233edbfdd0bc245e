"""Registers in the catalog: which version of each was used, and what came after it."""

from datetime import UTC, datetime

from sqlmodel import col, select

from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.tables import RegisterVersion


class RegisterRepository(Repository):
    """Versions of registers by keyed digest; one writer at a time, who holds the lock `registers`."""

    def register_versions(self, name: str) -> list[RegisterVersion]:
        """Every version of a register that was used, oldest first."""
        return self._all(select(RegisterVersion).filter_by(name=name).order_by(col(RegisterVersion.first_seen)))

    def use_register(self, version: RegisterVersion, audit: AuditEntry) -> None:
        """Use a version of a register from now on; it may be one that was used before."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            for before in session.exec(select(RegisterVersion).filter_by(name=version.name)):
                before.superseded = before.superseded or now
            known = session.get(RegisterVersion, (version.name, version.digest))
            if known is None:
                session.add(version)
            else:
                known.superseded = None
                known.newest, known.withdrawals = version.newest, version.withdrawals
            record(session, audit)

    def accept_values(self, name: str, audit: AuditEntry) -> None:
        """Accept the values of the version in use."""
        with self._database.writing() as session:
            for version in session.exec(select(RegisterVersion).filter_by(name=name, superseded=None)):
                version.values_accepted = True
            record(session, audit)
