"""PostgreSQL stopped, killed and restarted while a verb runs: it waits, and the next one finishes what was begun."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tasks.errors import StorageUnavailable
from tasks.services.postgres import serve
from tests.integration.verbs.acting import Act, Tried, attempt, books, perform
from tests.integration.verbs.books import Ended
from tests.integration.verbs.faults import LockLost, Other, ServerStopped, answers, wait_for
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, INGEST, PUBLISH, Place
from tests.integration.verbs.test_killed import after_each_call

CASES = [
    ("ingest", "after catalog.begin_day", signal.SIGINT, False),
    ("ingest", "after staged.write", signal.SIGKILL, True),
    ("ingest", "after ledger.intend_draw", signal.SIGINT, True),
    ("ingest", "after staged.complete", signal.SIGKILL, False),
    ("publish", "after ledger.reserve", signal.SIGKILL, True),
    ("publish", "after lake.stage_release", signal.SIGINT, False),
    ("deliver", "after lake.write_delivery", signal.SIGINT, True),
    ("deliver", "after s3.put_object", signal.SIGKILL, False),
]
"""Verb, border, how the server ends, and whether it is back before the verb goes on."""


@dataclass
class Server:
    """A PostgreSQL server that is started again, on the same port, whenever it has ended."""

    folder: Path
    port: int
    url: str = ""
    _serving: ExitStack = field(default_factory=ExitStack)

    def ensure(self) -> None:
        """Start it if it does not run. A killed one's processes may take a moment to end."""
        for attempts in range(50):
            if answers(self.port):
                return
            self._serving.close()
            try:
                self.url = self._serving.enter_context(serve(self.folder, self.port)).url
            except StorageUnavailable:
                assert attempts < 49
                time.sleep(0.1)

    def close(self) -> None:
        self._serving.close()


@dataclass(frozen=True)
class Ready:
    """A place whose homes are on that server, and what each verb does undisturbed, from which home on."""

    place: Place
    server: Server
    verbs: dict[str, tuple[Act, Path, Ended]]

    def tried(self, verb: str, at: int | str, by: signal.Signals, back: bool) -> tuple[Tried, Ended]:
        """A verb whose server ends at a border, and the same verb afterwards."""
        act, before, _ = self.verbs[verb]
        home = copied(before, Path(mkdtemp(dir=self.place.root)) / "restarted")
        if verb == "deliver":
            self.place.in_a_fresh_folder(home)
        fault = ServerStopped(self.server.folder / "data", self.server.port, by, back)
        with ThreadPoolExecutor(1) as other:  # this thread minds the server: it ends with the thread that started it
            trying = other.submit(self.place.warm, attempt, act, home, self.place.landing, at, fault)
            while not trying.done():
                if back:
                    self.server.ensure()
                time.sleep(0.02)
        self.server.ensure()
        return trying.result(), self.place.warm(perform, act, home, self.place.landing)


@pytest.fixture(scope="module")
def ready(beside_sqlite: Place) -> Iterator[Ready]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(Path(mkdtemp(prefix="throng-restarted-")), port)
    server.ensure()
    root = Path(mkdtemp(dir=beside_sqlite.root, prefix="restarted-"))
    place = replace(beside_sqlite, root=root, server=server.url)
    empty = place.new("empty")
    ingested, first = place.done(INGEST, empty, "ingested")
    published, second = place.done(PUBLISH, ingested, "published")
    with_client = copied(published, root / "with a client")
    place.apply(with_client, "whole")
    third = place.done(DELIVER, with_client, "delivered")[1]
    verbs = {
        "ingest": (INGEST, empty, first),
        "publish": (PUBLISH, ingested, second),
        "deliver": (DELIVER, with_client, third),
    }
    yield Ready(place, server, verbs)
    server.close()


@pytest.mark.parametrize(("verb", "at", "by", "back"), CASES)
def test_a_verb_whose_database_ends_waits_and_the_next_one_finishes(
    ready: Ready, verb: str, at: str, by: signal.Signals, back: bool
) -> None:
    tried, again = ready.tried(verb, at, by, back)
    assert (tried.outcome, tried.exit_code) == ("StorageUnavailable", 40), tried.said
    assert "run the same command again" in tried.said
    assert again.books == ready.verbs[verb][2].books
    assert set(again.intents.values()) <= {1, 2 if at == "after ledger.intend_draw" else 1}


def test_who_has_lost_a_lock_changes_nothing_any_more(ready: Ready) -> None:
    act, empty, whole = ready.verbs["ingest"]
    home = copied(empty, Path(mkdtemp(dir=ready.place.root)) / "lock lost")
    other = Other(act, home, ready.place.landing, "after staged.write", home.parent / "go")
    first = ready.place.warm(attempt, act, home, ready.place.landing, "before locks.confirm", LockLost(home, other))
    assert (first.outcome, first.exit_code) == ("StorageUnavailable", 40), first.said
    assert "the lock of this work fell" in first.said
    other.go.touch()
    wait_for(other.done)
    assert ready.place.warm(books, home, ready.place.landing).books == whole.books


@pytest.mark.soak
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("verb", ["ingest", "publish", "deliver"])
def test_a_verb_whose_database_ends_at_any_border_is_finished_by_the_next_one(
    ready: Ready, verb: str, back: bool
) -> None:
    whole = ready.verbs[verb][2]
    for at in after_each_call(whole.borders):
        tried, again = ready.tried(verb, at, signal.SIGKILL, back)
        assert tried.exit_code in (0, 40), whole.borders[at - 1]
        assert again.books == whole.books, whole.borders[at - 1]
