"""Lake files: what each generation of a day consists of, so that a lost or shortened file is missed."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; days that were taken in before list no files, and must be ingested `--again`."""
    op.create_table(
        "lake_file",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("path", AutoString(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "generation", "path", name="pk_lake_file"),
    )
