"""The logs of clients' Delta tables in the catalog: exact bytes, recorded before they are written to a bucket."""

from collections.abc import Iterable

from sqlalchemy import JSON
from sqlmodel import Field, col, select

from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.tables import Table


class DeltaLogVersion(Table, table=True):
    """One version of the logs of a product's Delta tables, for one client."""

    __tablename__ = "delta_log_version"

    client: str = Field(primary_key=True)
    product: str = Field(primary_key=True)
    product_version: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    period: str | None = None
    """None: version 0, which names no file."""
    revision: int | None = None
    """The delivery whose files it names; None: no file of the period counts any more."""
    logs: dict[str, str] = Field(sa_type=JSON)
    """The content of the log's file, by table."""


class DeltaRepository(Repository):
    """What the logs of clients' Delta tables hold."""

    def delta_log(self, client: str) -> list[DeltaLogVersion]:
        """Every version of a client's logs; those of one product by number."""
        columns = (DeltaLogVersion.product, DeltaLogVersion.product_version, DeltaLogVersion.number)
        return self._all(select(DeltaLogVersion).filter_by(client=client).order_by(*map(col, columns)))

    def extend_delta_log(self, versions: Iterable[DeltaLogVersion], audit: AuditEntry) -> None:
        """Record the versions that follow; from here on these bytes are what is sent."""
        with self._database.writing() as session:
            session.add_all(versions)
            record(session, audit)
