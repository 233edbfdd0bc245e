from collections.abc import Callable
from itertools import count
from pathlib import Path

from sqlalchemy import event

from tasks.store.database import Database
from tasks.store.keys import DataKeys
from tasks.store.lake import Lake
from tasks.store.ledger import Ledger
from tasks.store.object_store import FileObjectStore
from tasks.store.tables import ReleaseState
from tests.dying import dies, tick_before_file_acts
from tests.integration.acts import key, publish

Tick = Callable[[], None]


def tick_before_statements(database: Database, tick: Tick) -> None:
    """Tick before each statement and each commit."""
    event.listen(database.engine, "before_cursor_execute", lambda *_: tick())
    event.listen(database.engine, "commit", lambda _: tick())


def test_a_publication_killed_anywhere_is_one_release_one_charge_and_the_bytes_first_staged(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger = Ledger(database)
    for at in count(1, 2):  # every other point, for time
        _forget(database)
        lake = Lake(FileObjectStore(tmp_path / str(at)), DataKeys(tmp_path / "keys"))
        lake.open()

        def act(tick: Tick, lake: Lake = lake) -> None:
            own = Database(database_url)
            tick_before_statements(own, tick)
            tick_before_file_acts(tick)
            publish(own, lake)

        database.engine.dispose()  # SQLite's locks are the process's: nothing open crosses the fork
        killed = dies(act, at)
        rested = lake.staged(key())
        sha256 = publish(database, lake)
        assert rested in (None, sha256)
        assert lake.staged(key()) == sha256 == lake.staged(key())
        assert lake.release(key(), sha256).table.num_rows == 2
        (release,) = ledger.releases()
        assert (release.state, release.sha256) == (ReleaseState.PUBLISHED, sha256)
        assert release.draws in (1, 2)
        assert [(month.month, month.spent) for month in ledger.months()] == [("2026-03", 60), ("2026-04", 60)]
        assert [(charge.month, charge.units) for _, charge in ledger.charges()] == [("2026-03", 60), ("2026-04", 60)]
        if not killed:
            assert release.draws == 1
            break


def _forget(database: Database) -> None:
    from sqlalchemy import text

    with database.writing() as session:
        for table in ("charge", "month_budget", "release", "audit"):
            session.connection().execute(text(f"DELETE FROM {table}"))
