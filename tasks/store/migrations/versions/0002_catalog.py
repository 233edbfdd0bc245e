"""The catalog: days, row accounts, gate results, clients, deliveries, runs."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0002"
down_revision = "0001"

DAY_STATES = ("candidate", "current", "superseded", "rejected")
DELIVERY_STATES = ("rendered", "delivered", "refused")


def upgrade() -> None:
    """Create the tables."""
    _days()
    _gate()
    _clients()
    _deliveries()
    _runs()


def _days() -> None:
    op.create_table(
        "day_generation",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum(*DAY_STATES, name="daystate", native_enum=False, length=16), nullable=False),
        sa.Column("landing_digest", AutoString(), nullable=False),
        sa.Column("zone_plan", AutoString(), nullable=False),
        sa.Column("cell_plan", AutoString(), nullable=False),
        sa.Column("policy_digest", AutoString(), nullable=False),
        sa.Column("rows_in", sa.BigInteger(), nullable=False),
        sa.Column("rows_kept", sa.BigInteger(), nullable=False),
        sa.Column("ingested_at", UTCDateTime(), nullable=True),
        sa.Column("profile_revision", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("day", "generation", name="pk_day_generation"),
    )
    op.create_table(
        "row_account",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("file", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "generation", "file", "reason", name="pk_row_account"),
    )


def _gate() -> None:
    op.create_table(
        "gate_result",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rule", AutoString(), nullable=False),
        sa.Column("severity", AutoString(), nullable=False),
        sa.Column("status", AutoString(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "generation", "rule", name="pk_gate_result"),
    )


def _clients() -> None:
    op.create_table(
        "client",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("applied_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_client"),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client", AutoString(), nullable=False),
        sa.Column("product", AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("period", AutoString(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("release_revision", sa.Integer(), nullable=False),
        sa.Column("inputs_digest", AutoString(), nullable=False),
        sa.Column(
            "state", sa.Enum(*DELIVERY_STATES, name="deliverystate", native_enum=False, length=16), nullable=False
        ),
        sa.Column("manifest_sha256", AutoString(), nullable=False),
        sa.Column("path", AutoString(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("delivered_at", UTCDateTime(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("client", "product", "version", "period", "revision", name="uq_delivery_client"),
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verb", AutoString(), nullable=False),
        sa.Column("subject", AutoString(), nullable=False),
        sa.Column("started", UTCDateTime(), nullable=False),
        sa.Column("ended", UTCDateTime(), nullable=True),
        sa.Column("outcome", AutoString(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("flow_run_id", AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
