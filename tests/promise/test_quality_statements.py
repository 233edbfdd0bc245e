"""What a client is told of a day's quality: whole files that were left out, and what the noisy profile shows."""

from datetime import date

from tasks.deliverable.view import ReleaseView
from tasks.period import Period
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.release_metadata import release_view, zones_view
from tests.promise.conftest import Way
from tests.promise.landing import EVENTS, as_csv, consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)


def told(way: Way, *overrides: str) -> ReleaseView:
    """What deliveries of the day say, once it is ingested and published."""
    way.ingest(DAY, *overrides)
    way.publish("footfall", str(DAY))
    stores = way.stores()
    release = stores.ledger.find("footfall", 3, str(DAY))
    assert release
    return release_view(stores, FOOTFALL, Period.day(DAY), release, zones_view(stores, release))


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
