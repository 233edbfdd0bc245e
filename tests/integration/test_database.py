import gc
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlmodel import select

from tasks.errors import Misconfigured, StorageUnavailable
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.dialects import STATEMENTS
from tasks.store.migrations import KNOWN, VERSION_TABLE, alembic, migrate, prepare, version_of
from tasks.store.tables import MonthBudget, Run
from tests.integration.soak.measures import open_files
from tests.refusals import refused


def set_version(database: Database, version: str) -> None:
    prepare(database)
    with database.connection() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))


def test_a_fresh_database_is_created_at_the_newest_version(database_url: str) -> None:
    database = Database(database_url)
    assert version_of(database) is None
    prepare(database)
    assert version_of(database) == KNOWN[-1]
    prepare(database)


def test_an_older_database_waits_for_migrate(database_url: str) -> None:
    database = Database(database_url)
    set_version(database, "0000")
    with pytest.raises(Misconfigured) as old:
        prepare(database)
    assert old.value.code == "database.older"
    assert "version 0000" in old.value.what
    assert version_of(database) == "0000"


def test_migrating_a_database_of_the_newest_version_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    assert migrate(database) == (None, KNOWN[-1])
    with database.connection() as connection:
        connection.execute(text("INSERT INTO month_budget (month, cap, spent) VALUES ('2026-03', 10, 7)"))
        before = connection.execute(text("SELECT id FROM installation")).scalar()
    assert migrate(database) == (KNOWN[-1], KNOWN[-1])
    with database.connection() as connection:
        assert connection.execute(text("SELECT spent FROM month_budget")).scalar() == 7
        assert connection.execute(text("SELECT id FROM installation")).scalar() == before


def test_a_newer_database_is_refused_and_left_alone(database_url: str) -> None:
    database = Database(database_url)
    set_version(database, "9999")
    for act in (prepare, migrate):
        with pytest.raises(Misconfigured) as new:
            act(database)
        assert new.value.code == "database.newer"
        assert "version 9999" in new.value.what
    assert version_of(database) == "9999"


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    with database.connection() as connection:
        command.check(alembic(connection))


def test_the_versions_are_one_line_ending_in_the_newest(database: Database) -> None:
    with database.connection() as connection:
        scripts = ScriptDirectory.from_config(alembic(connection))
    assert scripts.get_heads() == [KNOWN[-1]]
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == KNOWN


def test_tables_of_others_in_the_same_database_are_left_alone(database_url: str) -> None:
    database = Database(database_url)
    with database.connection() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    prepare(database)
    with database.connection() as connection:
        command.check(alembic(connection))


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add_all([MonthBudget(month="2026-03", cap=10, spent=7), MonthBudget(month="2026-04", cap=10, spent=11)])
    with database.reading() as session:
        assert session.connection().execute(text("SELECT count(*) FROM month_budget")).scalar() == 0


def test_a_reader_sees_the_last_committed_state_while_another_writes(database: Database) -> None:
    with database.writing() as writing:
        writing.connection().execute(text("INSERT INTO month_budget (month, cap, spent) VALUES ('2026-03', 10, 7)"))
        with database.reading() as reading:
            assert reading.connection().execute(text("SELECT count(*) FROM month_budget")).scalar() == 0


def test_a_locked_sqlite_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'catalog.db'}", wait_seconds=0.1)
    prepare(database)
    other = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with refused("database.locked"), database.writing() as session:
        session.add(Run(verb="ingest", subject="2026-03-01", started=datetime.now(UTC)))
    other.close()


def test_a_database_that_is_no_longer_used_holds_nothing_open(database_url: str) -> None:
    prepare(Database(database_url))
    gc.collect()
    gc.disable()  # whose collection would close what was forgotten, some time
    try:
        before = open_files()
        for _ in range(5):
            assert Catalog(Database(database_url)).days(date(2026, 3, 1), date(2026, 3, 1)) is not None
        assert open_files() <= before  # others may close theirs
    finally:
        gc.enable()


def test_a_statement_is_compiled_once_for_all_databases_of_a_kind(database_url: str) -> None:
    prepare(Database(database_url))
    STATEMENTS.clear()
    Catalog(Database(database_url)).deliveries()
    assert (compiled := list(STATEMENTS.values()))
    Catalog(Database(database_url)).deliveries()
    assert list(STATEMENTS.values()) == compiled


def test_a_full_disk_under_sqlite_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'catalog.db'}")
    prepare(database)
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    runs = [Run(verb="ingest", subject="2026-03-01" * 100, started=datetime.now(UTC)) for _ in range(500)]
    with refused("database.disk_full"), database.writing() as session:
        session.add_all(runs)
    with database.reading() as session:
        assert session.exec(select(Run)).all() == []


def test_a_disk_that_fails_under_sqlite_is_not_a_server_that_is_down(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'catalog.db'}")
    with refused("database.disk_failing"), database.reading():
        raise OperationalError("", {}, sqlite3.OperationalError("disk I/O error"))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"subscriber_id,event_at\n" * 100)
    with refused("database.not_a_database"):
        prepare(Database(f"sqlite:///{tmp_path / 'catalog.db'}"))


def test_a_server_that_is_down_is_named_without_its_password() -> None:
    with refused("database.unavailable") as down:
        prepare(Database("postgresql://throng:secret@127.0.0.1:1/throng"))
    assert "throng:***@127.0.0.1:1" in str(down.value)
    assert "secret" not in str(down.value)


def test_a_wrong_password_and_a_missing_database_are_settings_to_mend(postgresql: str) -> None:
    server = postgresql.partition("@")[2].rpartition("/")[0]
    with refused("database.login_refused"):
        prepare(Database(f"postgresql://throng:wrong@{server}/postgres"))
    with refused("database.missing"):
        prepare(Database(f"{postgresql.rpartition('/')[0]}/missing"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="THRONG_DATABASE_URL"):
        Database(url)


def test_the_sqlite_file_is_for_this_user_alone(tmp_path: Path) -> None:
    prepare(Database(f"sqlite:///{tmp_path / 'new' / 'catalog.db'}"))
    assert (tmp_path / "new" / "catalog.db").stat().st_mode & 0o777 == 0o600


def test_a_wrong_statement_says_nothing_of_its_values(database: Database) -> None:
    with pytest.raises((StorageUnavailable, ProgrammingError)) as fault, database.reading() as session:
        session.connection().execute(text("SELECT nowhere FROM run WHERE verb = :v"), {"v": "canary"})
    assert "canary" not in str(fault.value)
