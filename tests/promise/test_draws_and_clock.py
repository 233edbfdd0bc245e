"""A charge pays for few draws; and nothing is begun by a clock that is far behind what was written last."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tasks.errors import RefusedRelease, StepFailed, StorageUnavailable
from tasks.privacy.bounds import Integers
from tasks.release import MOST_DRAWS, day_profile
from tasks.store.audit import AuditEntry
from tasks.store.lake import Lake
from tasks.store.tables import Audit, ReleaseState
from tests.promise.conftest import DISTRICT, Way
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.publisher import publisher
from tests.refusals import refused

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


def test_drawn_bytes_that_were_not_published_yet_are_published_without_another_draw(
    landed: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.ingest(DAY)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "publish_release", Dies().draw)
        with pytest.raises(StepFailed):
            landed.publish("footfall", str(DAY))
    publisher(landed.stores(), Dies(), lambda: landed.now)("footfall", str(DAY))
    release = landed.stores().ledger.find("footfall", 3, str(DAY))
    assert release is not None
    assert (release.draws, release.state) == (1, ReleaseState.PUBLISHED)


def test_a_day_s_profile_is_drawn_for_three_landings_and_no_fourth(landed: Way) -> None:
    events, second = landed.landing / f"events/date={DAY}/part-0.csv", landed.root / "second.csv"
    for hours in (24, 22, 23):
        write_events(landed.landing, DAY, seen("a", DAY, range(hours)))
        landed.ingest(DAY)
        if hours == 22:
            shutil.copy2(events, second)
    charged = [charge.units for _, charge in landed.stores().ledger.charges()]
    write_events(landed.landing, DAY, seen("a", DAY, range(21)))
    with refused("gate.profile_draws_used"):
        landed.ingest(DAY)
    shutil.copy2(second, events)
    assert landed.ingest(DAY).generation == 4, "a landing that was drawn for comes back without a draw"
    assert [charge.units for _, charge in landed.stores().ledger.charges()] == charged
    assert len(charged) == 3


def test_a_profile_is_charged_and_under_the_noise_that_a_day_is_ingested_with(landed: Way) -> None:
    landed.ingest(DAY)
    profile = day_profile(landed.stores(), DAY, 1)
    assert [round(hour.value) for hour in profile.hours] == [DISTRICT + 2] * 24
    assert {round(reason.value) for reason in profile.reasons.values()} == {DISTRICT}


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
