"""What a client is told of a day's quality: whole files that were left out, and what the noisy profile shows."""

from datetime import date

import pytest

from tasks.deliverable.view import ReleaseView
from tasks.period import Period
from tasks.products import statuses
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.spec import DataProduct
from tasks.products.visitors import MONTH
from tasks.release_metadata import release_view, zones_view
from tests.promise.conftest import Way
from tests.promise.landing import EVENTS, as_csv, consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)


def told(way: Way, *overrides: str, product: DataProduct = FOOTFALL, period: str = str(DAY)) -> ReleaseView:
    """What deliveries of the period say, once the day is ingested and the period is published."""
    way.ingest(DAY, *overrides)
    way.publish(product.name, period)
    stores = way.stores()
    release = stores.ledger.find(product.name, product.version, period)
    assert release
    return release_view(stores, product, Period.parse(period), release, zones_view(stores, release))


def test_a_client_is_told_how_many_files_were_left_out(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    folder = way.landing / f"events/date={DAY}"
    for number in range(23):
        (folder / f"more-{number}.csv").write_bytes(as_csv(EVENTS, seen("a", DAY, [number])))
    (folder / "cut.parquet").write_bytes(b"PAR1")
    facts = told(way)
    assert (facts.quality["files"], facts.quality["files_unreadable"]) == (25, 1)
    assert [warning for warning in facts.warnings if "1 of 25 files" in warning]


def test_a_client_is_told_nothing_that_rests_on_exact_counts_of_rows(way: Way) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, [*seen("a", DAY), *[("a", "03.03.2026", "c1", "call")] * 30])
    facts = told(way, "bad_times")
    assert facts.warnings == ()
    assert (facts.quality["files"], facts.quality["files_unreadable"]) == (1, 0)
    (line,) = (line for line in way.stores().catalog.gate(DAY, 1) if line.rule == "bad_times")
    assert (line.status, line.exact) == ("overridden", True)


def test_a_client_is_told_which_days_a_month_lacks(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "MOST_MISSING", 1.0)  # one day is in the lake
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, seen("a", DAY))
    (warning,) = told(way, product=MONTH, period="2026-03").warnings
    assert warning.startswith("30 of 31 days are missing: 2026-03-01, 2026-03-02, 2026-03-04")
    assert warning.endswith("and 27 more.")
