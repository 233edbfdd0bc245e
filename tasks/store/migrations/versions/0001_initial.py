"""The first version. A fresh database is made of `tables.py`, and begins at the newest version."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing came before it."""
