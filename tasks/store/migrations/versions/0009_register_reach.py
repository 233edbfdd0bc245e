"""How far a version of the consents reaches: its newest hour, and how many withdrawals it holds."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add both; of versions that were used before they are not known."""
    op.add_column("register_version", sa.Column("newest", UTCDateTime(), nullable=True))
    op.add_column("register_version", sa.Column("withdrawals", sa.BigInteger(), nullable=True))
