"""Two processes want the same at the same time: one does it, the other waits and returns what is there."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tasks.store.database import Database
from tasks.store.locks import Locks
from tests.forked import Command
from tests.integration.verbs.acting import DAY, books, perform_at_once
from tests.integration.verbs.books import Ended
from tests.integration.verbs.homes import copied, database_url
from tests.integration.verbs.place import DELIVER, INGEST, PUBLISH, Place, check_bucket

WAIT_SECONDS = 100


def test_two_publications_at_once_as_commands_are_one_draw_and_one_charge(
    place: Place, ingested: tuple[Path, Ended], published: tuple[Path, Ended]
) -> None:
    home = copied(ingested[0], place.root / "two commands")
    with held(home, f"release-footfall-{DAY}") as waiting:
        both = [command(place, home) for _ in range(2)]
        wait_for(waiting, 2)
    ended = [process.answer(WAIT_SECONDS) for process in both]
    assert [code for code, _ in ended] == [0, 0]
    said = [json.loads(answer) for _, answer in ended]
    assert sorted(one["outcome"] for one in said) == ["AlreadyPublished", "Published"]
    assert len({(one["sha256"], one["revision"]) for one in said}) == 1
    after = place.warm(books, home, place.landing)
    assert after.books == published[1].books
    assert after.stored == after.sha256
    assert set(after.intents.values()) == {1}


AS_COMMAND = ("publish", "footfall", str(DAY))


def command(place: Place, home: Path, words: Sequence[str] = AS_COMMAND, **streams: str) -> Command:
    """A command in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("THRONG_", "PREFECT_"))}
    environment |= {"THRONG_HOME": str(home), "THRONG_LANDING": str(place.landing)}
    environment |= {"THRONG_POLICY": str(home / "policy.toml")}
    environment |= {"THRONG_DATABASE_URL": url} if (url := database_url(home)) else {}
    environment |= place.warm.credentials
    return Command([*words, "--json"], environment, home.parent, **streams)


@contextmanager
def held(home: Path, name: str) -> Iterator[Callable[[], int]]:
    """Hold a lock meanwhile, so that all others arrive before one of them begins; yields how many wait for it."""
    url = database_url(home)
    with _held_file(home / "locks" / f"{name}.lock") if url is None else _held_advisory(url, name) as waiting:
        yield waiting


@contextmanager
def _held_file(lock: Path) -> Iterator[Callable[[], int]]:
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        inode = f":{lock.stat().st_ino} "
        yield lambda: sum(" -> " in line and inode in line for line in Path("/proc/locks").read_text().splitlines())


@contextmanager
def _held_advisory(url: str, name: str) -> Iterator[Callable[[], int]]:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(url, autocommit=True) as connection, Locks(Database(url)).hold(name):
        yield lambda: connection.execute(waiting).fetchall()[0][0]


def wait_for(waiting: Callable[[], int], processes: int) -> None:
    """Return when so many processes wait for the lock."""
    end = time.monotonic() + WAIT_SECONDS
    while waiting() < processes:
        assert time.monotonic() < end, "the commands never came to the lock"
        time.sleep(0.05)


@pytest.mark.parametrize("verb", ["ingest", "publish", "deliver"])
def test_the_same_verb_twice_at_once_is_as_once(
    place: Place, empty: Path, ingested: tuple[Path, Ended], published: tuple[Path, Ended], verb: str
) -> None:
    before = {"ingest": empty, "publish": ingested[0], "deliver": published[0]}[verb]
    home = copied(before, place.root / f"two of {verb}")
    if verb == "deliver":
        place.apply(home, "twice")
    act = {"ingest": INGEST, "publish": PUBLISH, "deliver": DELIVER}[verb]
    once = {"ingest": ingested[1], "publish": published[1]}.get(verb)
    both = place.warm(perform_at_once, act, home, place.landing)
    outcome = {"ingest": "Ingested", "publish": "Published", "deliver": "Delivered"}[verb]
    assert sorted(ended.outcome for ended in both) == [f"Already{outcome}", outcome]
    for ended in both:
        assert set(ended.intents.values()) == {1}
        assert once is None or ended.stored == ended.sha256
    last = place.warm(books, home, place.landing).books
    assert once is None or last == once.books
    if verb == "deliver":
        assert [delivery[2] for delivery in last.deliveries] == [1]
        check_bucket(place, home, "twice at once")
