"""A client has a state: all that were applied before are active."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column, with the state of clients that are there."""
    op.add_column("client", sa.Column("state", sa.String(16), nullable=False, server_default="active"))
