"""A delivery has a reason: nobody recorded it before."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, with a value of its own for deliveries that are there."""
    op.add_column("delivery", sa.Column("reason", sa.String(), nullable=False, server_default="not_recorded"))
