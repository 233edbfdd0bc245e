"""The installation, the audit table, and the privacy ledger."""

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None

RELEASE_STATES = ("reserved", "staged", "published", "recalled")


def upgrade() -> None:
    """Create the tables; the installation's id is made together with them."""
    _installation()
    _audit()
    _release()
    _budget()


def _installation() -> None:
    table = op.create_table(
        "installation",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.bulk_insert(table, [{"id": str(uuid4()), "created_at": datetime.now(UTC)}])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", AutoString(), nullable=False),
        sa.Column("event", AutoString(), nullable=False),
        sa.Column("subject", AutoString(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])


def _release() -> None:
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product", AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("period", AutoString(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum(*RELEASE_STATES, name="releasestate", native_enum=False, length=16), nullable=False),
        sa.Column("sha256", AutoString(), nullable=True),
        sa.Column("draws", sa.Integer(), nullable=False),
        sa.Column("rho", AutoString(), nullable=False),
        sa.Column("slot", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("policy_digest", AutoString(), nullable=False),
        sa.Column("zone_plan", AutoString(), nullable=False),
        sa.Column("generations", sa.JSON(), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_release"),
        sa.UniqueConstraint("product", "version", "period", "revision", name="uq_release_product"),
    )


def _budget() -> None:
    op.create_table(
        "charge",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("month", AutoString(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["release.id"], name="fk_charge_release_id_release"),
        sa.PrimaryKeyConstraint("release_id", "month", name="pk_charge"),
    )
    op.create_table(
        "month_budget",
        sa.Column("month", AutoString(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("spent >= 0 AND spent <= cap", name="ck_month_budget_spent_within_cap"),
        sa.PrimaryKeyConstraint("month", name="pk_month_budget"),
    )
