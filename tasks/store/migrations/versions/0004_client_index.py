"""The last index that each client was sent, and the bytes of a delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table and the column; nothing is known of indexes that were sent before."""
    op.create_table(
        "client_index",
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("client", name="pk_client_index"),
    )
    op.add_column("delivery", sa.Column("bytes", sa.BigInteger(), nullable=True))
