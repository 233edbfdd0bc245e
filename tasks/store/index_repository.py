"""Clients' indexes in the catalog."""

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.tables import Table


class ClientIndex(Table, table=True):
    """The last index of a client, with the exact bytes that its bucket receives."""

    __tablename__ = "client_index"

    client: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    sha256: str
    content: str = Field(sa_type=Text)


class IndexRepository(Repository):
    """The last index of each client."""

    def client_index(self, client: str) -> ClientIndex | None:
        """The last index of a client; None before its first."""
        with self._database.reading() as session:
            return session.get(ClientIndex, client)

    def record_index(self, index: ClientIndex, audit: AuditEntry) -> None:
        """Record a client's next index, before its bucket receives it."""
        with self._database.writing() as session:
            session.merge(index)
            record(session, audit)
