"""Facts of a day for clients: files and unreadable files; gate lines that use exact counts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; of days before, nothing is known to be missing."""
    op.add_column("gate_result", sa.Column("exact", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("day_generation", sa.Column("event_files", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "day_generation", sa.Column("event_files_unreadable", sa.Integer(), nullable=False, server_default="0")
    )
