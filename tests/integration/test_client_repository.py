"""A client's state and its audit entry are one transaction, and states move as the table says."""

from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import event, text

from tasks.plan import make_plan
from tasks.status import status
from tasks.store.audit import AuditEntry, AuditLog
from tasks.store.catalog import CLIENT_TRANSITIONS, Catalog
from tasks.store.database import Database
from tasks.store.migrations import KNOWN, VERSION_TABLE, alembic, migrate, version_of
from tasks.store.tables import ClientState
from tests.dying import Tick, dies
from tests.integration.plan.world import World, noon
from tests.refusals import refused

ENTRY = AuditEntry("tester", "client disabled", "nordmarkt", "a reason")
FIRST = date(2026, 3, 1)


def apply(catalog: Catalog, enable: bool = False) -> bool:
    entry = AuditEntry("tester", "client applied", "nordmarkt")
    return catalog.apply_client("nordmarkt", {}, "digest", entry, enable)


def test_a_disabling_killed_anywhere_is_whole_or_nothing(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    apply(Catalog(database))
    database.engine.dispose()

    def disable(tick: Tick) -> None:
        own = Database(database_url)
        for moment in ("before_cursor_execute", "commit"):
            event.listen(own.engine, moment, lambda *_: tick())
        Catalog(own).move_client("nordmarkt", ClientState.DISABLED, ENTRY)

    at = 1
    while dies(disable, at):
        state, events = _books(database_url)
        assert (state is ClientState.DISABLED) == ("client disabled" in events), at
        assert state is ClientState.ACTIVE, at
        at += 1
    assert at > 3
    assert _books(database_url) == (ClientState.DISABLED, ["client applied", "client disabled"])


def _books(url: str) -> tuple[ClientState, list[str]]:
    database = Database(url)
    (client,) = Catalog(database).clients()
    events = [entry.event for entry in AuditLog(database).entries("nordmarkt")]
    database.engine.dispose()
    return client.state, events


@pytest.mark.parametrize(("state", "to"), [*product(ClientState, ClientState)])
def test_a_client_moves_as_the_table_of_transitions_says(tmp_path: Path, state: ClientState, to: ClientState) -> None:
    database = Database(f"sqlite:///{tmp_path / 'catalog.db'}")
    migrate(database)
    catalog = Catalog(database)
    apply(catalog)
    catalog.move_client("nordmarkt", state, ENTRY)
    if to is state:
        assert catalog.move_client("nordmarkt", to, ENTRY) is False
    elif to in CLIENT_TRANSITIONS[state]:
        assert catalog.move_client("nordmarkt", to, ENTRY) is True
        assert [client.state for client in catalog.clients()] == [to]
    else:
        with refused("client.is_offboarded"):
            catalog.move_client("nordmarkt", to, ENTRY)


def test_an_application_decides_again_within_its_transaction(database: Database) -> None:
    catalog = Catalog(database)
    assert apply(catalog)
    catalog.move_client("nordmarkt", ClientState.DISABLED, ENTRY)
    with refused("client.is_disabled"):
        apply(catalog)
    assert catalog.active_clients() == []
    assert apply(catalog, enable=True)
    catalog.move_client("nordmarkt", ClientState.OFFBOARDED, ENTRY)
    with refused("client.is_offboarded"):
        apply(catalog, enable=True)


def test_clients_of_an_older_database_are_active(database: Database) -> None:
    with database.connection() as connection:
        connection.execute(text("ALTER TABLE client DROP COLUMN state"))
        for column in ("reason", "bytes"):
            connection.execute(text(f"ALTER TABLE delivery DROP COLUMN {column}"))
        for table in ("client_index", "delta_log_version"):
            connection.execute(text(f"DROP TABLE {table}"))
        row = "'nordmarkt', '{}', 'digest', '2026-03-01 00:00:00'"
        connection.execute(text(f"INSERT INTO client (name, spec, digest, applied_at) VALUES ({row})"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))
    assert migrate(database) == ("0001", KNOWN[-1])
    assert version_of(database) == KNOWN[-1]
    assert [client.state for client in Catalog(database).clients()] == [ClientState.ACTIVE]
    with database.connection() as connection:
        command.check(alembic(connection))


def test_plan_and_status_leave_a_disabled_client_out(tmp_path: Path) -> None:
    world, now = World.new(tmp_path), noon(FIRST + timedelta(days=3))
    for name in ("nordmarkt", "suedbahn"):
        world.client(name, FIRST)
    last = FIRST + timedelta(days=2)
    assert {target.client for target in make_plan(world.stores, FIRST, last, now).targets} >= {"nordmarkt", "suedbahn"}
    world.stores.catalog.move_client("nordmarkt", ClientState.DISABLED, ENTRY)
    assert "nordmarkt" not in {target.client for target in make_plan(world.stores, FIRST, last, now).targets}
    assert {health.client for health in status(world.stores, now).delivery_health} == {"suedbahn"}
