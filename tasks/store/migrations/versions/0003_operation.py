"""Operation: the event files a generation was made from, and what a run cost."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table and add the columns; of what was before nothing is known."""
    op.create_table(
        "landing_file",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "generation", "name", name="pk_landing_file"),
    )
    op.add_column("run", sa.Column("cpu_seconds", sa.Float(), nullable=True))
    op.add_column("run", sa.Column("bytes_read", sa.BigInteger(), nullable=True))
    op.add_column("run", sa.Column("bytes_written", sa.BigInteger(), nullable=True))
    op.add_column("run", sa.Column("s3_requests", sa.Integer(), nullable=True))
