"""Both databases: SQLite, and a real PostgreSQL that runs for the length of the session."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tasks.services import postgres
from tasks.services.s3 import S3Server
from tasks.store import bucket_clients
from tasks.store.database import Database
from tasks.store.migrations import prepare


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of its one database."""
    folder = Path(tempfile.mkdtemp(prefix="throng-postgresql-"))
    with postgres.serve(folder) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power
            connection.execute("SELECT pg_reload_conf()")
        yield server.url
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database' / 'catalog.db'}"
    url: str = request.getfixturevalue("postgresql")
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of the newest version."""
    database = Database(database_url)
    prepare(database)
    yield database
    database.engine.dispose()


@pytest.fixture
def home_of_clients(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home for commands about clients, whose buckets are on the module's own server."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "THRONG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(bucket_clients, "_ATTEMPTS", 2)
    monkeypatch.chdir(tmp_path)
