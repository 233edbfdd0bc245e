"""SQLAlchemy's dialects, of which all of a kind are equal: a process compiles a statement once for all its engines.

By default each engine compiles each statement anew: a tenth of the CPU time of a publication.
"""

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

SQLITE, POSTGRESQL = "sqlite+throng", "postgresql+throng"
"""Names of drivers in URLs of engines; statements rest in STATEMENTS."""
STATEMENTS: LRUCache[object, object] = LRUCache(500)


class OfOneKind:
    """Equal to each dialect of its class: SQL does not depend on the engine."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class SQLite(OfOneKind, SQLiteDialect_pysqlite):
    """SQLite by the standard library."""

    supports_statement_cache = True


registry.register("sqlite.throng", __name__, "SQLite")
registry.register("postgresql.throng", "tasks.store.postgresql_dialect", "PostgreSQL")
