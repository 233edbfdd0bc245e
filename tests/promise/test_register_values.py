"""Registers whose values are not understood stop the day and the release, and say where and how they are written."""

from datetime import date

import pytest

from tasks.errors import RejectedInput
from tasks.ingest import Ingest
from tasks.store.audit import AuditEntry
from tests.plain_validator import plain
from tests.promise.conftest import Above, Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
NAMES = [f"p{n:02d}" for n in range(20)]


def _write(way: Way, granted: str = "2026-01-01T00:00:00Z", few: int = 20) -> None:
    rows = [consent(name, granted=granted) for name in NAMES[:few]] + [consent(name) for name in NAMES[few:]]
    write_people(way.landing, [person(name) for name in NAMES], rows)
    write_events(way.landing, DAY, [row for name in NAMES[15:] for row in seen(name, DAY)])


def test_dates_that_are_not_read_stop_the_day_and_are_told_by_their_form(way: Way) -> None:
    _write(way, "01.01.2000")
    with pytest.raises(RejectedInput, match=r"granted_at: 20 of 20 .* 99\.99\.9999"):
        way.ingest(DAY)
    lines = {line.rule: line for line in way.stores().catalog.gate(DAY, 1)}
    assert {name for name, line in lines.items() if "." in name and line.status == "failed"} == {"consents.granted_at"}
    assert "01.01.2000" not in lines["consents.granted_at"].message


def test_registers_that_went_bad_after_ingest_stop_the_release_before_it_is_charged(way: Way) -> None:
    _write(way)
    assert way.ingest(DAY).outcome == "Ingested"
    _write(way, "01.01.2000", few=10)
    with pytest.raises(RejectedInput, match="granted_at: 10 of 20"):
        way.persons(DAY)
    assert way.stores().ledger.find("footfall", 3, str(DAY)) is None
    _override(way)
    assert way.persons(DAY) == [5] * 24


def _override(way: Way) -> None:
    stores = way.stores()
    reason = stores.audit.write(AuditEntry.by_user("override", "day", "the operator said so"))
    ref = Ingest(stores, Above(), lambda: way.now, validator=plain)(DAY, ["register_values"], reason)
    assert ref.outcome == "Ingested"
    assert "consents.granted_at" in {line.partition(":")[0] for line in ref.warnings}


def test_what_is_odd_within_the_limit_is_shown_and_stops_nothing(way: Way) -> None:
    _write(way, "01.01.2000", few=1)
    assert way.ingest(DAY).outcome == "Ingested"
    lines = {line.rule: line for line in way.stores().catalog.gate(DAY, 1)}
    assert (lines["consents.granted_at"].status, lines["consents.granted_at"].value) == ("passed", 0.05)
    assert "granted_at: 1 of 20" in lines["consents.granted_at"].message
    assert way.persons(DAY) == [5] * 24
