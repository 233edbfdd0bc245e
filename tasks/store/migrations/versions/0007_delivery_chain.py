"""The chain over all deliveries, by which a client's bucket tells one ledger from another."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns; deliveries from before are in no chain."""
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("sequence", sa.Integer(), nullable=True))
        table.add_column(sa.Column("chain", AutoString(), nullable=True))
        table.create_unique_constraint("uq_delivery_sequence", ["sequence"])
