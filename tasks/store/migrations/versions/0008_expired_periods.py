"""Expired periods: whose keys are destroyed, or about to be; nothing is ingested or drawn of them again."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "expired_period",
        sa.Column("period", AutoString(), nullable=False),
        sa.Column("expired_at", UTCDateTime(), nullable=False),
        sa.Column("removed_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("period", name="pk_expired_period"),
    )
