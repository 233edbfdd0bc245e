"""The logs of clients' Delta tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table; no client has a Delta table yet."""
    op.create_table(
        "delta_log_version",
        sa.Column("client", sa.String(), primary_key=True),
        sa.Column("product", sa.String(), primary_key=True),
        sa.Column("product_version", sa.Integer(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("period", sa.String()),
        sa.Column("revision", sa.Integer()),
        sa.Column("logs", sa.JSON(), nullable=False),
    )
