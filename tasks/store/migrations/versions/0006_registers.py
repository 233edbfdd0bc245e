"""Registers: the versions of the subscribers and consents files that were used."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table; the next run records the versions that it finds."""
    op.create_table(
        "register_version",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", UTCDateTime(), nullable=False),
        sa.Column("superseded", UTCDateTime(), nullable=True),
        sa.Column("values_accepted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", "digest", name="pk_register_version"),
    )
