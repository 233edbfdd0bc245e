"""The client's object store down, slow, overloaded, or cut off in the middle: the same command later completes it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tasks.store import bucket_clients
from tests import proxy as http
from tests.integration.verbs.acting import Tried, attempt, perform
from tests.integration.verbs.books import Books, Ended
from tests.integration.verbs.homes import copied
from tests.integration.verbs.place import DELIVER, Place
from tests.proxy import FINE, Fault, Proxy

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Way:
    """A place whose clients are reached through a proxy, a home with a release, and how a delivery ends undisturbed."""

    place: Place
    proxy: Proxy
    home: Path
    whole: Ended
    requests: tuple[str, ...]
    """First lines of all requests of an undisturbed delivery."""

    def tried(self, folder: str, plan: http.Plan, attempts: int = 1) -> tuple[Path, Tried]:
        """A delivery into a folder of its own, whose requests meet what is planned."""
        home = copied(self.home, self.place.root / folder)
        self.place.apply(home, folder.replace(" ", "-"), '"parquet"')
        self.proxy.does(plan)
        impatient = partial(bear, attempts)
        return home, self.place.warm(attempt, DELIVER, home, self.place.landing, None, impatient)

    def books_after_again(self, home: Path) -> Books:
        """The same command again, on a way without faults."""
        self.proxy.does()
        return self.place.warm(perform, DELIVER, home, self.place.landing).books  # type: ignore[no-any-return]


def bear(attempts: int) -> None:
    """In this process, try a request so often, and wait for an answer less than a second."""
    bucket_clients._ATTEMPTS, bucket_clients._READ_SECONDS = attempts, 0.5  # type: ignore[assignment]


@pytest.fixture(scope="module")
def way(place: Place, published: tuple[Path, Ended]) -> Iterator[Way]:
    host, port = place.endpoint_url.removeprefix("http://").split(":")
    with http.proxy((host, int(port))) as between:
        place = replace(place, endpoint_url=between.url)
        home = copied(published[0], place.root / "through a proxy")
        place.apply(home, "whole-way", '"parquet"')
        whole = place.done(DELIVER, home, "delivered through a proxy")[1]
        yield Way(place, between, home, whole, tuple(between.asked))


LISTING, FIRST_PUT, READ_BACK, MANIFEST, INDEX = 1, 9, 10, 43, 70
"""Requests of a delivery, by number."""
LASTING = {
    "down": (Fault(down=True), (LISTING, MANIFEST)),
    "overloaded": (Fault(unavailable=True), (READ_BACK, MANIFEST)),
    "slower than is waited": (Fault(delay=1), (INDEX,)),
    "cut off before an upload": (Fault(cut_request_at=0), (FIRST_PUT,)),
    "cut off within an upload": (Fault(cut_request_at=100), (FIRST_PUT, MANIFEST)),
    "cut off after an upload": (Fault(cut_answer_at=0), (MANIFEST, INDEX)),
    "cut off within an answer": (Fault(cut_answer_at=400), (READ_BACK,)),
}
"""Faults, and the requests from which on they last."""
PASSING = ("overloaded", "cut off within an upload", "cut off after an upload")


def test_the_requests_are_those_that_these_tests_name(way: Way) -> None:
    asked = [f"{line.split()[0]} {line.split()[1].rpartition('/')[2].partition('?')[0]}" for line in way.requests]
    numbered = [asked[number - 1] for number in (LISTING, FIRST_PUT, READ_BACK, MANIFEST, INDEX)]
    assert numbered == [
        "GET nordmarkt-insights",
        "PUT footfall.parquet",
        "GET footfall.parquet",
        "PUT manifest.json",
        "PUT index.json",
    ]


@pytest.mark.parametrize(("name", "first"), [(name, first) for name, (_, at) in LASTING.items() for first in at])
def test_a_delivery_on_a_store_that_fails_waits_and_the_next_one_completes_it(way: Way, name: str, first: int) -> None:
    fault = LASTING[name][0]
    home, tried = way.tried(f"{name} from {first} on", lambda number, _: fault if number >= first else FINE)
    assert (tried.outcome, tried.exit_code) == ("StorageUnavailable", 40)
    assert "again" in tried.said
    assert way.books_after_again(home) == way.whole.books


@pytest.mark.parametrize("name", PASSING)
def test_a_store_that_fails_and_recovers_is_asked_again_at_once(way: Way, name: str) -> None:
    fault, twice = LASTING[name][0], (FIRST_PUT, MANIFEST + 1)  # the second one counts the first retry
    home, tried = way.tried(f"{name} twice", lambda number, _: fault if number in twice else FINE, attempts=2)
    assert tried.outcome == "Delivered"
    assert way.books_after_again(home) == way.whole.books


def test_a_slow_store_is_waited_for(way: Way) -> None:
    home, tried = way.tried("slow", lambda number, _: Fault(delay=0.1))
    assert tried.outcome == "Delivered"
    assert way.books_after_again(home) == way.whole.books


@pytest.mark.soak
@pytest.mark.parametrize("name", LASTING)
def test_a_delivery_on_a_store_that_fails_at_any_request_is_completed_by_the_next_one(way: Way, name: str) -> None:
    fault = LASTING[name][0]
    for first in range(1, INDEX + 2):
        home, tried = way.tried(f"{name} from {first}", partial(_from, first, fault))
        assert tried.outcome in ("StorageUnavailable", "Delivered"), tried
        assert way.books_after_again(home) == way.whole.books, first


def _from(first: int, fault: Fault, number: int, _: str) -> Fault:
    return fault if number >= first else FINE
