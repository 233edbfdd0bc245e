"""PostgreSQL as its administrators set it up: what a session can mend is mended, all else is named for who must act."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from tasks.errors import Misconfigured, StorageUnavailable, ThrongError
from tasks.services.postgres import database as made
from tasks.store.catalog import Catalog
from tasks.store.database import Database
from tasks.store.locks import Locks
from tasks.store.migrations import prepare
from tasks.store.tables import MonthBudget, Run

HARMLESS = {
    "DateStyle": "German",
    "TimeZone": "Australia/Lord_Howe",
    "statement_timeout": "200",
    "lock_timeout": "200",
    "idle_session_timeout": "300",
    "idle_in_transaction_session_timeout": "300",
    "extra_float_digits": "-10",
    "default_transaction_isolation": "serializable",
    "client_encoding": "LATIN1",
    "lc_messages": "C",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "intervalstyle": "sql_standard",
}
"""Settings that an administrator may give a database; times in milliseconds."""


@pytest.fixture
def shared(postgresql: str) -> Iterator[str]:
    """The URL of a database of its own, dropped afterwards."""
    url = made(postgresql, "set_up_otherwise")
    yield url
    _sql(postgresql, "DROP DATABASE set_up_otherwise WITH (FORCE)")


def _sql(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement))


def _set(url: str, **settings: str) -> None:
    _sql(url, *(f"ALTER DATABASE set_up_otherwise SET {name} = '{value}'" for name, value in settings.items()))


def _refused(url: str) -> ThrongError:
    """What is said of a database in which nothing can be kept."""
    with pytest.raises(ThrongError) as caught:
        _kept(Database(url))
    return caught.value


def _kept(database: Database) -> None:
    prepare(database)
    with database.writing() as session:
        session.add(MonthBudget(month="2026-03", cap=10, spent=7))


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY"])
def test_times_and_numbers_come_back_as_they_were_kept_whatever_the_server_is_set_to(shared: str, style: str) -> None:
    _set(shared, **(HARMLESS | {"DateStyle": style}))
    database, started = Database(shared), datetime(2026, 3, 1, 6, 5, 7, 123456, UTC)
    prepare(database)
    with database.writing() as session:
        session.add(Run(verb="ingest", subject="größer", started=started, cpu_seconds=0.1 + 0.2))
    (run,) = Catalog(database).runs()
    assert (run.started, run.subject, run.cpu_seconds) == (started, "größer", 0.1 + 0.2)
    assert Catalog(database).days(date(2026, 3, 1), date(2026, 3, 1)) is not None
    database.engine.dispose()


@pytest.mark.parametrize("limit", ["idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout"])
def test_a_lock_outlives_a_servers_time_limits(shared: str, limit: str) -> None:
    _set(shared, **{limit: "200"})
    database = Database(shared)
    prepare(database)
    locks = Locks(database)
    with locks.hold("day 2026-03-01"):
        time.sleep(0.5)
        locks.confirm()
    database.engine.dispose()


def test_a_lock_is_waited_for_longer_than_a_servers_time_limits(shared: str) -> None:
    from threading import Thread

    _set(shared, statement_timeout="200", lock_timeout="200")
    first, second, order = Database(shared), Database(shared), list[str]()

    def wait() -> None:
        with Locks(second).hold("day 2026-03-01"):
            order.append("second")

    with Locks(first).hold("day 2026-03-01"):
        waiting = Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_a_session_that_an_administrator_ended_is_not_blamed_on_the_work(shared: str) -> None:
    database = Database(shared)
    with Locks(database).hold("day 2026-03-01"):
        _sql(shared, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(StorageUnavailable) as caught:
            database.confirm_locks()
    assert "run the same command again" in caught.value.action
    database.engine.dispose()


def test_a_database_that_takes_no_writes_is_waited_for(shared: str) -> None:
    prepare(Database(shared))
    _set(shared, default_transaction_read_only="on")
    assert type(_refused(shared)) is StorageUnavailable


def test_a_search_path_to_nowhere_is_named(shared: str) -> None:
    _set(shared, search_path="nowhere")
    fault = _refused(shared)
    assert (type(fault), "search_path" in fault.action) == (Misconfigured, True)


def test_a_search_path_that_changed_since_is_named(shared: str) -> None:
    database = Database(shared)
    prepare(database)
    _sql(shared, "CREATE SCHEMA elsewhere", "ALTER TABLE month_budget SET SCHEMA elsewhere")
    fault = _refused(shared)
    assert (type(fault), "search_path" in fault.action) == (Misconfigured, True)


def test_missing_rights_are_named(postgresql: str, shared: str) -> None:
    prepare(Database(shared))
    _sql(postgresql, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'word'")
    address = shared.partition("@")[2]
    assert type(_refused(f"postgresql://reader:word@{address}")) is Misconfigured
    _sql(shared, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    assert type(_refused(f"postgresql://reader:word@{address}")) is Misconfigured
    _sql(postgresql, "REVOKE CONNECT ON DATABASE set_up_otherwise FROM PUBLIC")
    assert type(_refused(f"postgresql://reader:word@{address}")) is Misconfigured
    _sql(postgresql, "ALTER ROLE reader NOLOGIN")
    assert type(_refused(f"postgresql://reader:word@{address}")) is Misconfigured


def test_an_encoding_that_cannot_hold_a_name_is_named(postgresql: str) -> None:
    _sql(postgresql, "CREATE DATABASE in_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    database = Database(f"{postgresql.rpartition('/')[0]}/in_latin")
    prepare(database)
    with pytest.raises(Misconfigured), database.writing() as session:
        session.add(Run(verb="ingest", subject="北京", started=datetime.now(UTC)))
    database.engine.dispose()
    _sql(postgresql, "DROP DATABASE in_latin WITH (FORCE)")


@pytest.mark.parametrize("options", ["sslmode=require", "sslmode=maybe", "nonsense=1"])
def test_options_that_cannot_be_met_are_settings_to_mend(postgresql: str, options: str) -> None:
    assert type(_refused(f"{postgresql}?{options}")) is Misconfigured


@pytest.mark.parametrize("user", ["nobody_here:word@", "throng@"])
def test_a_user_that_is_not_let_in_is_a_setting_to_mend(postgresql: str, user: str) -> None:
    assert type(_refused(f"postgresql://{user}{postgresql.partition('@')[2]}")) is Misconfigured


def test_a_user_whose_connections_are_used_up_is_waited_for(postgresql: str) -> None:
    _sql(postgresql, "DROP ROLE IF EXISTS single", "CREATE ROLE single LOGIN PASSWORD 'word' CONNECTION LIMIT 0")
    assert type(_refused(f"postgresql://single:word@{postgresql.partition('@')[2]}")) is StorageUnavailable


def test_what_a_server_says_in_another_language_is_understood(shared: str) -> None:
    database = Database(shared)
    with pytest.raises(Misconfigured), database.writing() as session:
        session.connection().execute(
            text("DO $$ BEGIN RAISE EXCEPTION 'Keine Berechtigung' USING ERRCODE = '42501'; END $$")
        )
    database.engine.dispose()
