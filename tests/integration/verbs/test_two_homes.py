"""Two copies of a home draw the same day, and nothing outside would remember: the client's bucket does."""

from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

from tasks.client_state import client_spec
from tasks.deliver import Deliver
from tasks.privacy.bounds import Integers
from tasks.store import open_stores
from tests.integration.verbs.acting import DAY, Act, apply, attempt
from tests.integration.verbs.books import Ended
from tests.integration.verbs.faults import nothing
from tests.integration.verbs.homes import copied, settings
from tests.integration.verbs.place import CLIENT, DELIVER, Place
from tests.publisher import publisher

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
OTHER = Act("deliver", ("stadtlicht", "footfall", str(DAY)))


def told(home: Path, landing: Path, client: str) -> None:
    """Tell a client what is there and what is late, as `daily` does."""
    Deliver(open_stores(settings(home, landing))).refresh(client)


def objects(home: Path, landing: Path, client: str) -> dict[str, bytes]:
    """A client's bucket."""
    stores = open_stores(settings(home, landing))
    bucket = stores.buckets.open(client_spec(stores, client).destination)
    return {name: bucket.get(name) for name in bucket.sizes()}


@pytest.fixture
def copies(place: Place, ingested: tuple[Path, Ended]) -> tuple[Path, Path]:
    """Two copies of a home that took the day in; both know the same two clients."""
    root = Path(mkdtemp(dir=place.root))
    homes = copied(ingested[0], root / "one"), copied(ingested[0], root / "other")
    for home in homes:
        place.apply(home, root.name)
        other = CLIENT.replace('name = "nordmarkt"', 'name = "stadtlicht"')
        text = other.format(prefix=f"{root.name}-other", endpoint=place.endpoint_url, formats='"parquet"')
        place.warm(apply, home, place.landing, text)
    return homes


class Draws:
    """Noise of one value, above every threshold, so that two draws surely differ in what is shown."""

    def __init__(self, value: int) -> None:
        self._value = value

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        return np.full(size, (9 if sigma == 32 else 1) * self._value * unit, dtype=np.int64)


def publish(home: Path, landing: Path, value: int) -> str:
    """Draw the day's release."""
    return str(publisher(open_stores(settings(home, landing)), Draws(value))("footfall", str(DAY)).outcome)


def drawn(place: Place, *homes: Path) -> None:
    """Each of the homes draws the day for itself."""
    for value, home in enumerate(homes, 1000):
        assert place.warm(publish, home, place.landing, value) == "Published"


def done(place: Place, act: Act, home: Path) -> Any:
    return place.warm(attempt, act, home, place.landing, None, nothing)


def test_the_second_draw_of_a_day_is_refused_by_the_bucket_of_the_first(
    place: Place, copies: tuple[Path, Path]
) -> None:
    one, other = copies
    drawn(place, *copies)
    assert done(place, DELIVER, one).outcome == "Delivered"
    before = place.warm(objects, one, place.landing, "nordmarkt")
    refused = done(place, DELIVER, other)
    assert (refused.outcome, refused.exit_code) == ("RefusedDelivery", 30)
    assert str(DAY) in refused.said
    assert place.warm(objects, one, place.landing, "nordmarkt") == before
    assert done(place, DELIVER, one).outcome == "AlreadyDelivered"


def test_a_client_of_whom_only_the_index_was_written_refuses_the_other_copy_too(
    place: Place, copies: tuple[Path, Path]
) -> None:
    one, other = copies
    drawn(place, *copies)
    place.warm(told, other, place.landing, "stadtlicht")
    assert done(place, DELIVER, one).outcome == "Delivered"
    place.warm(told, one, place.landing, "stadtlicht")
    before = place.warm(objects, one, place.landing, "stadtlicht")
    assert set(before) == {"index.json", "keys.json"}
    refused = done(place, OTHER, other)
    assert (refused.outcome, refused.exit_code) == ("RefusedDelivery", 30)
    assert place.warm(objects, one, place.landing, "stadtlicht") == before
    assert done(place, OTHER, one).outcome == "Delivered"


def test_a_database_from_before_a_delivery_finds_it_by_its_bytes(place: Place, copies: tuple[Path, Path]) -> None:
    one, _ = copies
    drawn(place, one)
    restored = copied(one, one.with_name("restored"))
    assert done(place, DELIVER, one).outcome == "Delivered"
    assert done(place, DELIVER, restored).outcome == "AlreadyDelivered"


def test_a_database_from_before_a_release_delivers_no_second_one(place: Place, copies: tuple[Path, Path]) -> None:
    one, _ = copies
    restored = copied(one, one.with_name("restored"))
    drawn(place, one, restored)
    assert done(place, DELIVER, one).outcome == "Delivered"
    assert done(place, DELIVER, restored).exit_code == 30


def test_an_index_that_was_lost_is_written_again(place: Place, copies: tuple[Path, Path]) -> None:
    one, _ = copies
    drawn(place, one)
    assert done(place, DELIVER, one).outcome == "Delivered"
    place.warm(removed, one, place.landing)
    assert done(place, DELIVER, one).outcome == "AlreadyDelivered"
    assert "index.json" in place.warm(objects, one, place.landing, "nordmarkt")


def removed(home: Path, landing: Path) -> None:
    """The client removes its index."""
    stores = open_stores(settings(home, landing))
    bucket = stores.buckets.open(client_spec(stores, "nordmarkt").destination)
    bucket._store.delete_object(Key=f"{bucket._root}index.json", **bucket._every)
