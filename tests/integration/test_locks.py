import os
import signal
from pathlib import Path

from tasks.store.database import Database
from tasks.store.locks import Locks
from tests.dying import dies
from tests.integration.acts import count_in_process
from tests.integration.at_once import at_once


def test_one_process_at_a_time_holds_a_lock(database_url: str, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    at_once(count_in_process, [(database_url, str(counter))] * 6)
    assert counter.read_text() == "6"


def test_different_locks_do_not_wait_for_each_other(database_url: str) -> None:
    locks = Locks(Database(database_url))
    with locks.hold("day 2026-03-01"), locks.hold("day 2026-03-02"), locks.hold("index: a/../b"):
        pass


def test_a_lock_falls_with_the_process_that_held_it(database_url: str) -> None:
    def hold_and_die(tick: object) -> None:
        with Locks(Database(database_url)).hold("day 2026-03-01"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert dies(hold_and_die, at=0)
    with Locks(Database(database_url)).hold("day 2026-03-01"):
        pass


def test_a_lock_is_free_after_an_error(database_url: str) -> None:
    locks = Locks(Database(database_url))
    for _ in range(2):
        try:
            with locks.hold("day 2026-03-01"):
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
