"""The database's versions: a fresh one is created, an older one waits for `throng migrate`, a newer one is refused."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import Connection, insert, inspect, text

from tasks.errors import Misconfigured
from tasks.store.database import Database
from tasks.store.index_repository import ClientIndex
from tasks.store.locks import Locks
from tasks.store.tables import InstallationRow

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "throng_version"
"""Not Alembic's default name: Prefect's server may live in the same database."""

ALL_TABLES = ClientIndex.metadata  # complete, now that the module with the last table is imported

_FOLDER = Path(__file__).parent
KNOWN = tuple(sorted(path.stem[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py")))
"""Every version, ascending: a file each, named by its number."""


def prepare(database: Database) -> None:
    """Create the tables in a fresh database; raises Misconfigured for an older or a newer one."""
    version = version_of(database)
    if version is None:
        migrate(database)
        return
    _refuse_newer(database, version)
    if version < KNOWN[-1]:
        raise Misconfigured(
            f"The database {database.name} has version {version}, older than this Throng's {KNOWN[-1]}.",
            "Make a backup, then run `throng migrate`.",
            "database.older",
        )


def version_of(database: Database) -> str | None:
    """The database's version; None if it is fresh."""
    with database.reading() as session:
        return _version(session.connection())


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the database to the newest version, whole or not at all; returns the versions before and after."""
    from alembic import command  # half a second, needed once per version

    with Locks(database).hold("migrate"):
        _use_write_ahead_log(database)
        with database.connection() as connection:
            before = _version(connection)
            _refuse_newer(database, before or "")
            if before is None:
                _create(connection)
                command.stamp(alembic(connection), "head")
            else:
                command.upgrade(alembic(connection), "head")
    return before, KNOWN[-1]


def _create(connection: Connection) -> None:
    """Create the tables; the installation's id is made together with them."""
    ALL_TABLES.create_all(connection, checkfirst=False)
    connection.execute(insert(InstallationRow).values(id=str(uuid4()), created_at=datetime.now(UTC)))


def alembic(connection: Connection) -> "Config":
    """Alembic's configuration for work on an open connection."""
    from alembic.config import Config

    config = Config(stdout=StringIO())  # alembic would write to the stdout of its import
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _refuse_newer(database: Database, version: str) -> None:
    if version > KNOWN[-1]:
        raise Misconfigured(
            f"The database {database.name} has version {version}, newer than this Throng's {KNOWN[-1]}.",
            "Install the Throng that wrote it, or a later one.",
            "database.newer",
        )


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _use_write_ahead_log(database: Database) -> None:
    """Readers then do not wait for a writer; SQLite remembers it in the file."""
    if database.file is not None:
        with database.translate_errors(), database.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
