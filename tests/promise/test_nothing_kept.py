"""A day that keeps nothing is an error with a cause, never an empty day: nothing is charged for noise alone."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tasks.errors import RefusedRelease, RejectedInput
from tasks.policy_file import shipped
from tests.promise.conftest import Way
from tests.promise.landing import EVENTS, Row, as_csv, consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
GERMAN = [("a", f"03.03.2026 {hour:02d}:15", "c1", "call") for hour in range(24)]
STRANGERS = seen("somebody else", DAY)


def landed(way: Way, rows: Sequence[Row]) -> None:
    write_people(way.landing, [person("a")], [consent("a")])
    write_events(way.landing, DAY, rows)


def spent(way: Way) -> int:
    return sum(month.spent for month in way.stores().ledger.months())


@pytest.mark.parametrize(
    ("rows", "facts"),
    [
        ([], ("1 files",)),
        (GERMAN, ("24 of 24", "99.99.9999 99:99", "rows_kept", "bad_times")),
        (STRANGERS, ("48 are no_consent", "aaaaaaaa aaaa")),
    ],
    ids=["a header alone", "times in another form", "nobody of the panel"],
)
def test_a_day_that_keeps_nothing_stops_uncharged_and_names_why(
    way: Way, rows: Sequence[Row], facts: list[str]
) -> None:
    landed(way, rows)
    with pytest.raises(RejectedInput) as stopped:
        way.ingest(DAY)
    assert [fact for fact in facts if fact not in str(stopped.value)] == []
    assert spent(way) == 0
    with pytest.raises(RefusedRelease):
        way.publish("footfall", str(DAY))
    landed(way, seen("a", DAY))
    assert way.ingest(DAY).rows_kept == 48


def test_a_file_without_a_row_among_others_is_named(way: Way) -> None:
    landed(way, seen("a", DAY))
    (way.landing / f"events/date={DAY}/part-1.csv").write_bytes(as_csv(EVENTS, []))
    ref = way.ingest(DAY)
    assert ref.outcome == "Ingested"
    assert any("empty_files" in warning and "part-1.csv" in warning for warning in ref.warnings)


def test_a_small_day_with_too_many_unread_times_stops(way: Way) -> None:
    landed(way, [*seen("a", DAY), *GERMAN[:12]])
    with pytest.raises(RejectedInput) as stopped:
        way.ingest(DAY)
    assert "bad_times" in str(stopped.value)
    assert "12 of 60" in str(stopped.value)


def test_a_policy_that_only_warns_of_it_still_publishes_no_day_that_keeps_nothing(way: Way, tmp_path: Path) -> None:
    lenient = tmp_path / "lenient.toml"
    text = shipped().read_text().replace('limit = 0.005, severity = "critical"', 'limit = 0.005, severity = "warning"')
    lenient.write_text(text)
    landed(way, STRANGERS)
    assert way.ingest(DAY, policy=lenient).rows_kept == 0
    before = spent(way)
    with pytest.raises(RefusedRelease):
        way.publish("footfall", str(DAY), policy=lenient)
    assert spent(way) == before
