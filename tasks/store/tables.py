"""The database's tables as types; rows leave the store detached, as plain records."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, CheckConstraint, MetaData, Text, UniqueConstraint
from sqlalchemy import Enum as ChoiceColumn
from sqlmodel import Field, SQLModel


class ReleaseState(StrEnum):
    """The state of a release; RELEASE_TRANSITIONS lists the next states."""

    RESERVED = "reserved"
    STAGED = "staged"
    PUBLISHED = "published"
    RECALLED = "recalled"


class DayState(StrEnum):
    """The state of a generation of a day; DAY_TRANSITIONS lists the next states."""

    CANDIDATE = "candidate"
    CURRENT = "current"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


class DeliveryState(StrEnum):
    """The state of a delivery; DELIVERY_TRANSITIONS lists the next states."""

    RENDERED = "rendered"
    DELIVERED = "delivered"
    REFUSED = "refused"


class ClientState(StrEnum):
    """The state of a client; CLIENT_TRANSITIONS lists the next states."""

    ACTIVE = "active"
    DISABLED = "disabled"
    OFFBOARDED = "offboarded"


def _choice(states: type[StrEnum]) -> ChoiceColumn:
    """A text column that holds one of the states' words."""
    return ChoiceColumn(states, native_enum=False, length=16, values_callable=lambda kind: [s.value for s in kind])


class Table(SQLModel):
    """Base of all tables: names constraints alike on every database, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )


class InstallationRow(Table, table=True):
    """One row: which installation's database this is; lake and key store carry the same id."""

    __tablename__ = "installation"

    id: str = Field(primary_key=True)
    created_at: datetime


class Audit(Table, table=True):
    """An act with its actor; rows are only ever added."""

    id: int = Field(default=None, primary_key=True)
    at: datetime
    actor: str
    event: str
    subject: str = Field(index=True)
    detail: str = Field(sa_type=Text)


class Release(Table, table=True):
    """A drawn or reserved release under its unique key; `draws` counts the intents to draw."""

    __table_args__ = (UniqueConstraint("product", "version", "period", "revision"),)

    id: int = Field(default=None, primary_key=True)
    product: str
    version: int
    period: str
    revision: int
    state: ReleaseState = Field(sa_type=_choice(ReleaseState))
    sha256: str | None = None
    draws: int = 0
    rho: str
    """Exact rho of one month, as a fraction: `3/256`."""
    slot: datetime
    reason: str | None = Field(default=None, sa_type=Text)
    policy_digest: str
    zone_plan: str
    generations: dict[str, int] = Field(sa_type=JSON)
    digests: dict[str, str] = Field(sa_type=JSON)

    @property
    def unfinished(self) -> bool:
        """Whether its numbers are not published yet."""
        return self.state in (ReleaseState.RESERVED, ReleaseState.STAGED)

    @property
    def redraws(self) -> int:
        """Draws after the first: each one means that a process died between draw and staging."""
        return max(self.draws - 1, 0)


class Charge(Table, table=True):
    """What a release costs a month, in units of 1e-12 rho."""

    release_id: int = Field(foreign_key="release.id", primary_key=True)
    month: str = Field(primary_key=True)
    units: int = Field(sa_type=BigInteger)


class MonthBudget(Table, table=True):
    """A month's cap, fixed at its first charge, and what is spent of it, in units of 1e-12 rho."""

    __tablename__ = "month_budget"
    __table_args__ = (CheckConstraint("spent >= 0 AND spent <= cap", name="spent_within_cap"),)

    month: str = Field(primary_key=True)
    cap: int = Field(sa_type=BigInteger)
    spent: int = Field(sa_type=BigInteger)

    @property
    def left(self) -> int:
        """What can still be charged."""
        return self.cap - self.spent


class GenerationRow(Table):
    """Base of tables with rows for each generation of a day."""

    day: date = Field(primary_key=True)
    generation: int = Field(primary_key=True)


class DayGeneration(GenerationRow, table=True):
    """One ingest of a day: what went in (digests), what came out (rows), and whether it counts."""

    __tablename__ = "day_generation"

    state: DayState = Field(sa_type=_choice(DayState))
    landing_digest: str
    zone_plan: str
    cell_plan: str
    policy_digest: str
    rows_in: int = Field(default=0, sa_type=BigInteger)
    rows_kept: int = Field(default=0, sa_type=BigInteger)
    ingested_at: datetime | None = None
    profile_revision: int | None = None
    event_files: int = 0
    """Event files that the day was read from."""
    event_files_unreadable: int = 0
    """Those among them that were structurally unreadable and left out."""


class ListedFile(GenerationRow, table=True):
    """One event file of a generation, as it was read."""

    __tablename__ = "landing_file"

    name: str = Field(primary_key=True)
    bytes: int = Field(sa_type=BigInteger)
    mtime_ns: int = Field(sa_type=BigInteger)


class StoredFile(GenerationRow, table=True):
    """One file of a generation in the lake, as it was written."""

    __tablename__ = "lake_file"

    path: str = Field(primary_key=True)
    bytes: int = Field(sa_type=BigInteger)


class RegisterVersion(Table, table=True):
    """A version of the subscribers or consents file that was used; one of each name is not superseded."""

    __tablename__ = "register_version"

    name: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    """Keyed digest of the content."""
    rows: int = Field(sa_type=BigInteger)
    newest: datetime | None = None
    """The hour of the newest grant or withdrawal in a version of the consents."""
    withdrawals: int | None = Field(default=None, sa_type=BigInteger)
    """How many withdrawals it holds."""
    first_seen: datetime
    superseded: datetime | None = None
    values_accepted: bool = False
    """Whether somebody said that its values are right although too many of them are not understood."""


class ExpiredPeriod(Table, table=True):
    """A period whose keys may no longer exist; `removed_at`: since when neither they nor rows under them do."""

    __tablename__ = "expired_period"

    period: str = Field(primary_key=True)
    expired_at: datetime
    removed_at: datetime | None = None


class RowCount(GenerationRow, table=True):
    """Rows of one file that were kept, or dropped for one reason."""

    __tablename__ = "row_account"

    file: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    rows: int = Field(sa_type=BigInteger)


class GateLine(GenerationRow, table=True):
    """What one rule of the gate said of a generation."""

    __tablename__ = "gate_result"

    rule: str = Field(primary_key=True)
    severity: str
    status: str
    value: float | None = None
    limit: float | None = None
    message: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    exact: bool = False
    """Whether it rests on exact counts of rows, so that it must not leave the operator."""


class Client(Table, table=True):
    """A client as last applied: its whole specification, and the digest of it."""

    name: str = Field(primary_key=True)
    spec: dict[str, object] = Field(sa_type=JSON)
    digest: str
    applied_at: datetime
    state: ClientState = Field(default=ClientState.ACTIVE, sa_type=_choice(ClientState))


class Delivery(Table, table=True):
    """One delivery of a release to a client; its files rest in the lake under `manifest_sha256`, `bytes` in all."""

    __table_args__ = (
        UniqueConstraint("client", "product", "version", "period", "revision"),
        UniqueConstraint("sequence"),
    )

    id: int = Field(default=None, primary_key=True)
    client: str
    product: str
    version: int
    period: str
    revision: int
    release_revision: int
    inputs_digest: str
    state: DeliveryState = Field(sa_type=_choice(DeliveryState))
    manifest_sha256: str
    path: str
    rows: int
    withheld: int
    bytes: int | None = Field(default=None, sa_type=BigInteger)
    reason: str = "not_recorded"
    """Code of why this revision exists."""
    delivered_at: datetime | None = None
    message: str = Field(default="", sa_type=Text)
    sequence: int | None = None
    """Its place in the chain over the deliveries of all clients, from 1."""
    chain: str | None = None
    """SHA-256 over the chain before it and this delivery's key and manifest."""


class Run(Table, table=True):
    """One run of a verb; a run without `ended` still goes on, or its process died."""

    id: int = Field(default=None, primary_key=True)
    verb: str
    subject: str
    started: datetime
    ended: datetime | None = None
    outcome: str | None = None
    exit_code: int | None = None
    message: str = Field(default="", sa_type=Text)
    flow_run_id: str | None = None
    cpu_seconds: float | None = None
    """Of the process, all threads; an upper bound where it runs several verbs at once."""
    bytes_read: int | None = Field(default=None, sa_type=BigInteger)
    bytes_written: int | None = Field(default=None, sa_type=BigInteger)
    s3_requests: int | None = None
