"""A charge pays for few draws; and nothing is begun by a clock that is far behind what was written last."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tasks.errors import RefusedRelease, StepFailed, StorageUnavailable
from tasks.privacy.bounds import Integers
from tasks.release import MOST_DRAWS
from tasks.store.audit import AuditEntry
from tasks.store.tables import Audit
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.publisher import publisher

DAY = date(2026, 3, 3)


class Dies:
    """A process that ends in the middle of each draw."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        raise ConnectionError


@pytest.fixture
def landed(way: Way) -> Way:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    return way


def test_a_release_that_is_lost_in_three_draws_is_drawn_no_more_and_stays_charged(landed: Way) -> None:
    landed.ingest(DAY)
    for _ in range(MOST_DRAWS):
        with pytest.raises(StepFailed):
            publisher(landed.stores(), Dies(), lambda: landed.now)("footfall", str(DAY))
    ledger = landed.stores().ledger
    charged = ledger.charges()
    with pytest.raises(RefusedRelease):
        landed.publish("footfall", str(DAY))
    release = ledger.find("footfall", 3, str(DAY))
    assert release is not None
    assert (release.draws, release.sha256, ledger.charges()) == (MOST_DRAWS, None, charged)
    assert MOST_DRAWS == 3


def test_the_last_draw_that_a_charge_pays_for_is_published(landed: Way) -> None:
    landed.ingest(DAY)
    for _ in range(MOST_DRAWS - 1):
        with pytest.raises(StepFailed):
            publisher(landed.stores(), Dies(), lambda: landed.now)("footfall", str(DAY))
    assert landed.publish("footfall", str(DAY)).outcome == "Published"


def _written(way: Way, ahead: timedelta) -> None:
    """An act of another machine, whose clock is ahead."""
    with way.stores().audit._database.writing() as session:
        session.add(Audit(at=datetime.now(UTC) + ahead, actor="a", event="client applied", subject="x", detail=""))


@pytest.mark.parametrize("verb", [lambda way: way.ingest(DAY), lambda way: way.publish("footfall", str(DAY))])
def test_a_clock_far_behind_the_newest_act_begins_nothing(landed: Way, verb: Callable[[Way], object]) -> None:
    _written(landed, timedelta(hours=2, minutes=5))
    with pytest.raises(StorageUnavailable):
        verb(landed)
    stores = landed.stores()
    assert (stores.catalog.runs(10), stores.ledger.releases()) == ([], [])
    stores.audit.write(AuditEntry.by_user("override", str(DAY), "the clock was wrong before"))
    assert landed.ingest(DAY).outcome == "Ingested"


def test_a_clock_a_little_behind_another_machine_s_goes_on(landed: Way) -> None:
    _written(landed, timedelta(hours=1, minutes=55))
    assert landed.ingest(DAY).outcome == "Ingested"
