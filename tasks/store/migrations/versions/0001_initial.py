"""All tables of the first version."""

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None

TYPES = {
    "string": AutoString(),
    "text": sa.Text(),
    "time": UTCDateTime(),
    "date": sa.Date(),
    "integer": sa.Integer(),
    "big": sa.BigInteger(),
    "number": sa.Float(),
    "flag": sa.Boolean(),
    "json": sa.JSON(),
}


def upgrade() -> None:
    """Create the tables; the installation's id is made together with them."""
    installation = _table("installation", "id", string="id", time="created_at")
    op.bulk_insert(installation, [{"id": str(uuid4()), "created_at": datetime.now(UTC)}])
    _table("audit", "id", integer="id", time="at", string="actor event subject", text="detail")
    op.create_index("ix_audit_subject", "audit", ["subject"])
    _releases()
    _days()
    _registers()
    _deliveries()
    _runs()


def _table(name: str, key: str, *parts: sa.Column[str] | sa.Constraint, optional: str = "", **kinds: str) -> sa.Table:
    """Create a table; strings list columns, separated by spaces: the key, those that may be null, those of a type."""
    columns = [
        sa.Column(column, TYPES[kind], nullable=column in optional.split())
        for kind, listed in kinds.items()
        for column in listed.split()
    ]
    return op.create_table(name, *columns, *parts, sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}"))


def _state(name: str, *states: str) -> sa.Column[str]:
    return sa.Column("state", sa.Enum(*states, name=name, native_enum=False, length=16), nullable=False)


def _releases() -> None:
    _table(
        "release",
        "id",
        _state("releasestate", "reserved", "staged", "published", "recalled"),
        sa.UniqueConstraint("product", "version", "period", "revision", name="uq_release_product"),
        integer="id version revision draws",
        string="product period sha256 rho policy_digest zone_plan",
        time="slot",
        text="reason",
        json="generations digests",
        optional="sha256 reason",
    )
    release = sa.ForeignKeyConstraint(["release_id"], ["release.id"], name="fk_charge_release_id_release")
    _table("charge", "release_id month", release, integer="release_id", string="month", big="units")
    within_cap = sa.CheckConstraint("spent >= 0 AND spent <= cap", name="spent_within_cap")
    _table("month_budget", "month", within_cap, string="month", big="cap spent")


def _days() -> None:
    _table(
        "day_generation",
        "day generation",
        _state("daystate", "candidate", "current", "superseded", "rejected"),
        date="day",
        integer="generation profile_revision event_files event_files_unreadable",
        string="landing_digest zone_plan cell_plan policy_digest",
        big="rows_in rows_kept",
        time="ingested_at",
        optional="ingested_at profile_revision",
    )
    one = {"date": "day", "integer": "generation"}
    _table("landing_file", "day generation name", **one, string="name", big="bytes mtime_ns")
    _table("lake_file", "day generation path", **one, string="path", big="bytes")
    _table("row_account", "day generation file reason", **one, string="file reason", big="rows")
    gate = {"string": "rule severity status", "number": "value limit", "text": "message action", "flag": "exact"}
    _table("gate_result", "day generation rule", **one, **gate, optional="value limit")


def _registers() -> None:
    _table(
        "register_version",
        "name digest",
        string="name digest",
        big="rows withdrawals",
        time="newest first_seen superseded",
        flag="values_accepted",
        optional="newest withdrawals superseded",
    )
    _table("expired_period", "period", string="period", time="expired_at removed_at", optional="removed_at")


def _deliveries() -> None:
    _table("client", "name", string="name digest", json="spec", time="applied_at")
    _table(
        "delivery",
        "id",
        _state("deliverystate", "rendered", "delivered", "refused"),
        sa.UniqueConstraint("client", "product", "version", "period", "revision", name="uq_delivery_client"),
        sa.UniqueConstraint("sequence", name="uq_delivery_sequence"),
        integer="id version revision release_revision rows withheld sequence",
        string="client product period inputs_digest manifest_sha256 path chain",
        time="delivered_at",
        text="message",
        optional="delivered_at sequence chain",
    )


def _runs() -> None:
    _table(
        "run",
        "id",
        integer="id exit_code s3_requests",
        string="verb subject outcome flow_run_id",
        time="started ended",
        text="message",
        number="cpu_seconds",
        big="bytes_read bytes_written",
        optional="ended outcome exit_code flow_run_id cpu_seconds bytes_read bytes_written s3_requests",
    )
