"""The database: SQLite beside the lake, or PostgreSQL; short transactions, and faults in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from weakref import finalize

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, PendingRollbackError
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store.atomic_files import make_folder, translate_errors
from tasks.store.database_errors import RERUN, fault_of
from tasks.store.dialects import POSTGRESQL, SQLITE, STATEMENTS
from tasks.store.event_log import EventLog, pending

_SESSION = {
    "DateStyle": "ISO, MDY",  # psycopg reads no other
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "default_transaction_isolation": "read committed",
    # A lock is held, and waited for, as long as a day's work takes; a dead holder loses it.
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "statement_timeout": "0",
    "lock_timeout": "0",
}
"""Settings of each PostgreSQL session, independent of server, database and role."""

_PREPARE = "SELECT set_config(%s, %s, false) WHERE current_setting(%s, true) IS NOT NULL"
"""Servers before 17 do not know all of them."""

_KEEP_ALIVE = {"keepalives": 1, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
"""A firewall between forgets a connection that is silent for long: after a minute each side asks the other."""

Row = TypeVar("Row")


class Database:
    """Transactions on one database; every statement outside them is impossible."""

    def __init__(self, url: str, wait_seconds: float = 30, journal: EventLog | None = None) -> None:
        self._url = _supported(url)
        self.name = shown(self._url)
        self._journal = journal
        self.held: list[Connection] = []
        """Connections that hold a lock."""
        self.engine = _sqlite(self._url, wait_seconds) if self.file else _postgresql(self._url)
        # An engine is full of cycles: until they are collected, each forgotten one would keep a connection open.
        finalize(self, self.engine.dispose).atexit = False

    @property
    def file(self) -> Path | None:
        """SQLite's file; None on PostgreSQL."""
        return Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one state of the database and does not block writers."""
        reader = self.engine.execution_options(reading=True)
        with self.translate_errors(), Session(reader, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def writing(self, locked: bool = True) -> Iterator[Session]:
        """A transaction, committed at the block's end or rolled back; the log follows the commit.

        `locked`: a holder that lost a lock changes nothing any more. As the transaction has begun when the locks
        are asked for, and would not survive the server's restart either, they are held until it is committed.
        """
        with self.translate_errors(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            if locked and self.held:
                session.execute(text("SELECT 1"))
                self.confirm_locks()
            yield session
        if self._journal:
            self._journal.write(pending(session))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A plain connection in a transaction, for migrations."""
        with self.translate_errors(), self.engine.begin() as connection:
            yield connection

    def confirm_locks(self) -> None:
        """Raise StorageUnavailable unless every lock is still held: PostgreSQL's fall when the server restarts."""
        try:
            for connection in tuple(self.held):
                connection.execute(text("SELECT 1"))
        except (DatabaseError, PendingRollbackError):  # the second: it was found out before
            raise StorageUnavailable(
                f"The database {self.name} has restarted or ended a session, and the lock of this work fell.",
                f"Another process may have gone on since: {RERUN.removeprefix('then ')}",
                "database.lock_lost",
            ) from None

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn the driver's faults into ours; a violated constraint (an answer) and a defect pass."""
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            if fault := fault_of(self.name, error):
                raise fault from None
            raise


class Repository:
    """Rows of some tables of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _all(self, query: SelectOfScalar[Row]) -> list[Row]:
        with self._database.reading() as session:
            return list(session.exec(query))

    def _first(self, query: SelectOfScalar[Row]) -> Row | None:
        with self._database.reading() as session:
            return session.exec(query).first()


def exists(url: str) -> bool:
    """Whether a database can be looked for there: SQLite would make its file."""
    parts = _supported(url)
    return parts.get_backend_name() != "sqlite" or Path(parts.database or "").exists()


def shown(url: URL) -> str:
    """The URL as it may be shown: without its password, and without options, in which one may stand as well."""
    return url.set(query={}).render_as_string(hide_password=True)


def _supported(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise Misconfigured(
            "THRONG_DATABASE_URL is not a database URL.",
            "Write sqlite:///FILE or postgresql://...",
            "database.invalid_url",
        ) from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url.set(database=unquote(url.database))
    raise Misconfigured(
        f"THRONG_DATABASE_URL names {url.get_backend_name()}, or a database in memory.",
        "Write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
        "database.unsupported_url",
    )


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(url, hide_parameters=True, execution_options={"compiled_cache": STATEMENTS}, **options)


def _postgresql(url: URL) -> Engine:
    options = {"connect_timeout": 10, "client_encoding": "utf8", **_KEEP_ALIVE}
    engine = _engine(url.set(drivername=POSTGRESQL), pool_pre_ping=True, connect_args=options)
    event.listen(engine, "connect", _prepare_session)
    return engine


def _prepare_session(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_PREPARE, [(name, value, name) for name, value in _SESSION.items()])
    connection.commit()  # a transaction that is rolled back would take them back


def _sqlite(url: URL, wait_seconds: float) -> Engine:
    file = Path(url.database or "")
    make_folder(file.parent)
    with translate_errors(file.parent):
        file.touch(mode=0o600)
    engine = _engine(url.set(drivername=SQLITE), connect_args={"timeout": wait_seconds})
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, _: object) -> None:
    """Transactions begin where we say; a commit is on disk when it returns: a charge must survive a power cut."""
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Writers queue at the beginning: a transaction that reads first and writes later could not be retried."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
