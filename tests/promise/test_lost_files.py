"""A file that the lake has lost is missed before anything is charged, and its day can be read again at no cost."""

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.privacy.noise import Noise
from tasks.store import Stores
from tasks.store.tables import ReleaseState
from tests.integration.verbs.dying_stores import Border, dying
from tests.promise.conftest import Above, Way
from tests.promise.landing import consent, person, seen, write_events, write_people
from tests.publisher import publisher

DAY = date(2026, 3, 3)
ALL_DAY = [2] * 24
Loss = Callable[[Path], None]


def _ingested(way: Way) -> Stores:
    write_people(way.landing, [person("a"), person("b")], [consent("a"), consent("b")])
    write_events(way.landing, DAY, [*seen("a", DAY), *seen("b", DAY)])
    assert way.ingest(DAY).outcome == "Ingested"
    return way.stores()


def _lose(stores: Stores, table: str, loss: Loss) -> None:
    file = next(file for file in stores.catalog.lake_files({DAY: 1}) if file.table == table)
    loss(stores.settings.lake_root / file.path)


def _spent(stores: Stores) -> int:
    return sum(month.spent for month in stores.ledger.months())


@pytest.mark.parametrize("table", ["presence", "coverage"])
@pytest.mark.parametrize("loss", [os.unlink, lambda path: os.truncate(path, 50)])
def test_a_day_that_lost_a_file_is_not_published_nor_charged_until_it_is_read_again(
    way: Way, table: str, loss: Loss
) -> None:
    stores = _ingested(way)
    spent = _spent(stores)
    _lose(stores, table, loss)
    with pytest.raises(StorageUnavailable, match=f"ingest {DAY} --again"):
        way.publish("footfall", str(DAY))
    assert _spent(stores) == spent

    assert way.ingest(DAY).outcome == "AlreadyIngested"
    assert way.ingest(DAY, again=True).generation == 2
    assert _spent(stores) == spent, "the profile of an identical landing is charged once"
    assert way.persons(DAY) == ALL_DAY


def test_a_month_that_lost_a_file_of_one_day_is_not_published(way: Way) -> None:
    stores = _ingested(way)
    _lose(stores, "month_state", os.unlink)
    with pytest.raises(StorageUnavailable):
        way.publish("panel", "2026-03")
    way.ingest(DAY, again=True)
    assert sum(way.panel("2026-03").values()) == 2


def test_a_version_that_no_release_needs_goes_as_soon_as_there_is_another(way: Way) -> None:
    stores = _ingested(way)
    assert way.ingest(DAY, again=True).generation == 2
    assert not list(stores.settings.lake_root.glob("**/generation=1"))
    assert stores.catalog.superseded(DAY) == []
    assert "version removed" in [entry.event for entry in stores.audit.entries(f"day {DAY} generation 1")]


def test_a_reservation_that_was_never_drawn_follows_the_day_that_was_read_again(way: Way) -> None:
    stores = _ingested(way)
    _stopped(way, "after ledger.reserve")
    shutil.rmtree(stores.settings.lake_root / "presence")
    with pytest.raises(StorageUnavailable):
        way.publish("footfall", str(DAY))
    spent = _spent(stores)
    way.ingest(DAY, again=True)
    assert [number for _, number in stores.catalog.superseded(DAY)] == [1], "kept: it might be being counted from"
    assert way.persons(DAY) == ALL_DAY
    release = stores.ledger.find("footfall", 3, str(DAY))
    assert release is not None
    assert (release.state, dict(release.generations), _spent(stores)) == (
        ReleaseState.PUBLISHED,
        {str(DAY): 2},
        spent,
    )


def test_a_release_whose_bytes_were_drawn_is_published_as_it_was_drawn(way: Way) -> None:
    stores = _ingested(way)
    _stopped(way, "after lake.stage_release")
    way.ingest(DAY, again=True)
    shutil.rmtree(stores.settings.lake_root / "presence")
    assert way.publish("footfall", str(DAY)).outcome == "Published"
    release = stores.ledger.find("footfall", 3, str(DAY))
    assert release is not None
    assert dict(release.generations) == {str(DAY): 1}


def _stopped(way: Way, where: str) -> None:
    """A publication that ends at a border."""

    def stop() -> None:
        raise StorageUnavailable("stopped", "")

    noise: Noise = Above()
    with pytest.raises(StorageUnavailable, match="stopped"):
        publisher(dying(way.stores(), Border(where, stop)), noise, lambda: way.now)("footfall", str(DAY))
