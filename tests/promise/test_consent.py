"""Who is counted: those whose consent covers the time and stands when a release is drawn; nobody by another one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from tasks import policy_file
from tasks.count_context import count_context, countable
from tasks.period import Period
from tasks.products import registry, statuses
from tasks.products.spec import DataProduct
from tasks.refresh import Refresh
from tasks.release_inputs import inputs_now
from tests.promise.conftest import Way
from tests.promise.landing import consent, person, seen, write_events, write_people

DAY = date(2026, 3, 3)
ALL_DAY, NEVER = [1] * 24, [0] * 24


def _ingested(
    way: Way,
    *people: tuple[str, ...],
    consents: list[tuple[str, ...]],
    day: date = DAY,
    overrides: tuple[str, ...] = (),
) -> None:
    write_people(way.landing, people, consents)
    write_events(way.landing, day, [row for one in people for row in seen(one[0], day)])
    assert way.ingest(day, *overrides).outcome == "Ingested"


def _in_the_lake(way: Way) -> int:
    stores = way.stores()
    files = stores.catalog.lake_files({DAY: 1})
    return sum(len(stores.lake.rows(file)) for file in files if file.period)


def test_who_withdraws_after_ingest_is_in_no_later_release(way: Way) -> None:
    _ingested(way, person("a"), person("b"), consents=[consent("a"), consent("b")])
    write_people(
        way.landing, [person("a"), person("b")], [consent("a"), consent("b", withdrawn="2026-04-01T00:00:00Z")]
    )
    assert way.persons(DAY) == ALL_DAY
    assert way.stores().lake.eligible(Period.day(DAY)).table.num_rows == 1


def test_one_writer_at_a_time_lists_who_may_be_counted(way: Way) -> None:
    _ingested(way, person("a"), consents=[consent("a")])
    day, refresh = Period.day(DAY), Refresh(way.stores(), lambda: way.now)
    with ThreadPoolExecutor(1) as other:
        with way.stores().locks.hold(f"eligible-{day}"):
            waits = other.submit(refresh.refresh, day)
            with pytest.raises(TimeoutError):
                waits.result(timeout=2)
        assert waits.result(timeout=120).period == str(day)


def test_products_of_a_period_share_a_list_until_registers_or_policy_change_or_it_is_an_hour_old(way: Way) -> None:
    _ingested(way, person("a"), person("b"), consents=[consent("a"), consent("b")])
    day, lake = Period.day(DAY), way.stores().lake

    def listed(later: timedelta = timedelta(0), **places: object) -> str:
        Refresh(way.stores(**places), lambda: way.now + later).refresh(day)
        return lake.eligible(day).basis

    first = listed()
    assert listed(timedelta(minutes=59)) == first
    assert listed(timedelta(minutes=61)) != first
    first = listed()
    other = way.root / "other-policy.toml"
    other.write_text(policy_file.shipped().read_text().replace("catch_up_days = ", "catch_up_days = 1"))
    assert listed(policy=other) != first
    again = listed()
    lake.remove_eligible(day, lake.eligible(day).table["pseudonym"].to_numpy()[:1])
    assert listed() == again
    assert lake.eligible(day).table.num_rows == 2, "a list that was changed since is judged anew"
    write_people(
        way.landing, [person("a"), person("b")], [consent("a"), consent("b", withdrawn="2026-04-01T00:00:00Z")]
    )
    listed()
    assert lake.eligible(day).table.num_rows == 1


def test_a_list_of_a_period_that_goes_on_is_judged_at_every_draw(way: Way) -> None:
    _ingested(way, person("a"), consents=[consent("a")])
    week = Period.week(DAY)
    bases = []
    for minutes in (0, 1):
        Refresh(way.stores(), lambda: datetime(2026, 3, 4, 12, minutes, tzinfo=UTC)).refresh(week)  # noqa: B023
        bases.append(way.stores().lake.eligible(week).basis)
    assert bases[0] != bases[1]


def test_who_withdrew_before_ingest_is_not_in_the_lake(way: Way) -> None:
    withdrawn = [consent("a", withdrawn="2026-04-01T00:00:00Z")]
    _ingested(way, person("a"), consents=withdrawn, overrides=("rows_kept",))
    assert _in_the_lake(way) == 0
    assert way.persons(DAY) == NEVER


def test_a_consent_given_again_does_not_bring_back_what_was_withdrawn(way: Way) -> None:
    _ingested(way, person("a"), consents=[consent("a")])
    again = [consent("a", withdrawn="2026-04-01T00:00:00Z"), consent("a", granted="2026-04-02T00:00:00Z")]
    write_people(way.landing, [person("a")], again)
    assert way.persons(DAY) == NEVER


def test_a_number_s_next_owner_does_not_answer_for_the_last_one(way: Way) -> None:
    _ingested(way, person("a"), consents=[consent("a")])
    write_people(
        way.landing,
        [person("a"), person("a", birth_year=2000, active_from="2026-03-20T00:00:00Z")],
        [consent("a"), consent("a", granted="2026-03-21T00:00:00Z")],
    )
    assert way.persons(DAY) == NEVER
    assert way.panel("2026-03") == {"D0": 0, "D1": 0, "unknown": 1}, "a member since the 21st, seen on no later day"


@pytest.mark.parametrize(
    ("again", "counted"),
    [("2026-03-02T23:00:00Z", ALL_DAY), ("2026-03-02T23:00:01Z", NEVER)],
    ids=["midnight", "later"],
)
def test_a_consent_given_again_counts_from_the_next_local_midnight_on(way: Way, again: str, counted: list[int]) -> None:
    """Events of the same day from before it may be why somebody is present in an hour after it."""
    _ingested(way, person("a"), consents=[consent("a")])
    write_people(
        way.landing, [person("a")], [consent("a", withdrawn="2026-03-02T20:00:00Z"), consent("a", granted=again)]
    )
    assert way.persons(DAY) == counted


@pytest.mark.parametrize("product", [part for part in registry.drawn() if part.reads], ids=lambda part: part.part)
def test_what_is_kept_of_a_day_does_not_count_if_a_consent_was_given_again_on_it(
    way: Way, product: DataProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses, "MOST_MISSING", 1.0)  # one day is in the lake
    (period,) = product.periods(DAY)
    _ingested(way, person("a"), person("b"), consents=[consent("a"), consent("b")])
    evening = [consent("a", withdrawn="2026-03-03T10:00:00Z"), consent("a", granted="2026-03-03T11:00:00Z")]
    write_people(way.landing, [person("a"), person("b")], [*evening, consent("b")])
    stores = way.stores()
    Refresh(stores, lambda: way.now).refresh(period)
    listed = stores.lake.eligible(period).table
    context = count_context(stores, product, period, inputs_now(stores, product, period, way.now), listed)
    counted = pa.concat_tables(context.rows(*product.reads))
    assert listed.num_rows == 2, "both stand again"
    assert set(listed["since"].to_numpy()[counted["member"].to_numpy()]) == {0}, "b alone"


def test_of_a_month_the_days_count_that_begin_within_the_consent() -> None:
    listed = pa.table({"pseudonym": pa.array([1, 2, 3], pa.uint64()), "since": [0, 86_400, 86_401]})
    rows, month = pa.table({"pseudonym": pa.array([1, 2, 3, 4], pa.uint64())}), Period.month(DAY)
    found = countable(rows, listed, month, date(2026, 3, 2), ZoneInfo("Europe/Berlin"))
    assert found.to_pydict() == {"pseudonym": [1, 2], "member": [0, 1], "day": [1, 1]}


def test_the_panel_counts_who_consented_by_the_month_s_end_and_nobody_later(way: Way) -> None:
    consents = [consent("a"), consent("b", granted="2026-04-02T00:00:00Z")]
    _ingested(way, person("a"), person("b"), consents=consents)
    assert sum(way.panel("2026-03").values()) == 1


def test_a_minor_is_counted_from_the_year_in_which_the_difference_is_nineteen(way: Way) -> None:
    way.now = datetime(2026, 4, 20, tzinfo=UTC)
    for day, expected in ((date(2025, 12, 31), NEVER), (date(2026, 1, 1), ALL_DAY)):
        born = [consent("a", granted="2025-01-01T00:00:00Z")]
        _ingested(way, person("a", birth_year=2007), consents=born, day=day, overrides=("rows_kept",))
        assert way.persons(day) == expected


def test_a_person_corrected_to_be_a_minor_after_ingest_is_in_no_later_release(way: Way) -> None:
    _ingested(way, person("a"), consents=[consent("a")])
    write_people(way.landing, [person("a", birth_year=2010)], [consent("a")])
    assert way.persons(DAY) == NEVER
