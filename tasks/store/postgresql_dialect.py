"""PostgreSQL by psycopg; imported where it is used."""

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from tasks.store.dialects import OfOneKind


class PostgreSQL(OfOneKind, PGDialect_psycopg):
    """PostgreSQL by psycopg."""

    supports_statement_cache = True
