"""A product's declared period holds: what happens outside it changes nothing of its release, charged or not."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.period import Cadence, Period
from tasks.plan import State, make_plan
from tasks.privacy.accounting import UNITS
from tasks.products import registry, statuses
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.products.spec import Audience, DataProduct
from tasks.quote import quote
from tests.promise.conftest import Way, installation
from tests.promise.landing import Row, consent, person, write_events, write_people
from tests.refusals import refused

PERIODS = {Cadence.DAY: "2026-03-31", Cadence.WEEK: "2026-W14", Cadence.MONTH: "2026-03"}
"""The week begins on 30 March and ends in April."""
USUAL = {date(2026, 3, 29): 0, date(2026, 3, 30): 0, date(2026, 3, 31): 3, date(2026, 4, 1): 0}
"""The zone of most hours, by day; a person's home is where most nights are."""
OUTSIDE = {Cadence.DAY: date(2026, 4, 1), Cadence.WEEK: date(2026, 3, 29), Cadence.MONTH: date(2026, 4, 1)}
INSIDE = {Cadence.DAY: date(2026, 3, 31), Cadence.WEEK: date(2026, 4, 1), Cadence.MONTH: date(2026, 3, 29)}
COUNTED = [part for part in registry.drawn() if part.counts and part.audience is not Audience.GATE]


def lived(subscriber: str, day: date, zone: int, minutes: tuple[int, ...] = (10, 40)) -> list[Row]:
    """Events of an hour: in the zone, but for an evening in another one."""
    cells = {hour: f"c{(zone + (18 <= hour < 21)) % 4}" for hour in range(24)}
    return [
        (subscriber, f"{day}T{hour:02d}:{minute}:00+02:00", cell, "call")
        for hour, cell in cells.items()
        for minute in minutes
    ]


def live(way: Way, day: date, zone: int, *minutes: int) -> None:
    """Ingest a day that one person spends in the zone, and another one always in the same; `minutes` of events."""
    write_events(way.landing, day, [*lived("a", day, zone, minutes), *lived("b", day, 1)])
    way.ingest(day)


def releases(way: Way, day: date | None = None) -> Mapping[str, pa.Table]:
    """Of every part, or of those for which the day is a case."""
    return {part.part: _table(way, part) for part in COUNTED if day is None or day in _cases(part)}


def _cases(part: DataProduct) -> set[date]:
    (cadence,) = part.cadences
    return {OUTSIDE[cadence], INSIDE[cadence]}


def _table(way: Way, part: DataProduct) -> pa.Table:
    (cadence,) = part.cadences
    return way.table(way.publish(part.name, PERIODS[cadence]))


@pytest.fixture(scope="module", autouse=True)
def missing_days_are_shown() -> Iterator[None]:
    """A month of which four days are ingested is not `incomplete`: its numbers are compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statuses, "MOST_MISSING", 1.0)
        yield


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with installation(tmp_path_factory.mktemp("ingested")) as way:
        write_people(way.landing, [person("a"), person("b")], [consent("a"), consent("b")])
        for day, zone in USUAL.items():
            live(way, day, zone, 10, 40)
        yield way


@pytest.fixture(scope="module")
def published(ingested: Way, tmp_path_factory: pytest.TempPathFactory) -> Way:
    return Way(tmp_path_factory.mktemp("usual")).begin_as(ingested)


@pytest.fixture(scope="module")
def usual(published: Way) -> Mapping[str, pa.Table]:
    return releases(published)


@pytest.fixture(scope="module", params=[day for day in USUAL if day in {*OUTSIDE.values(), *INSIDE.values()}], ids=str)
def otherwise(
    request: pytest.FixtureRequest, ingested: Way, tmp_path_factory: pytest.TempPathFactory
) -> tuple[date, Mapping[str, pa.Table]]:
    """A day that was lived elsewhere and with fewer events, and the releases then."""
    way = Way(tmp_path_factory.mktemp("otherwise")).begin_as(ingested)
    live(way, request.param, (USUAL[request.param] + 2) % 4, 30)
    return request.param, releases(way, request.param)


def test_a_day_moves_the_releases_of_its_periods_alone(
    usual: Mapping[str, pa.Table], otherwise: tuple[date, Mapping[str, pa.Table]]
) -> None:
    day, tables = otherwise
    changed = {part for part, table in tables.items() if not table.equals(usual[part])}
    assert changed == {part.part for part in COUNTED for cadence in part.cadences if INSIDE[cadence] == day}


def test_each_month_that_a_release_touches_is_charged_for_it(published: Way, usual: Mapping[str, pa.Table]) -> None:
    """Twice the bounds, if another month is left when one month of a person is taken out."""
    stores, expected = published.stores(), dict[tuple[str, str, str], object]()
    for part in COUNTED:
        (cadence,) = part.cadences
        period = Period.parse(PERIODS[cadence])
        rules = part.rules(stores.policy.policy, cadence, 24)
        rho = sum(rule.bound * len(period.months) / (2 * float(rule.sigma) ** 2) for rule in rules)
        expected |= {(part.name, str(period), month): pytest.approx(rho * UNITS, abs=2) for month in period.months}
    assert len(usual) == len(COUNTED) == len(expected) - 1, "the week is in two months"
    months = {month for *_, month in expected}
    charges = [
        (of, charge)
        for month in months
        for of, charge in stores.ledger.charges(month)
        if of.product != GATE_PROFILE.name
    ]
    assert {(of.product, of.period, charge.month): charge.units for of, charge in charges} == expected


def test_a_week_of_sums_is_published_without_days_that_never_came_if_some_sum_is_whole(
    ingested: Way, tmp_path: Path
) -> None:
    way, first = Way(tmp_path).begin_as(ingested), date(2026, 3, 30)
    for number in range(3):
        way.publish("origin_destination", str(first + timedelta(number)))
    way.now = datetime(2026, 4, 10, tzinfo=UTC)
    with refused("release.input_missing"):
        way.publish("origin_destination", "2026-W14")
    assert planned(way) == (State.WAITING, "4 of its 7 days are not in the lake, 2026-04-02 the first of them.")
    way.now = ingested.now
    with refused("release.incomplete") as none:
        way.publish("origin_destination", "2026-W14")
    assert planned(way) == (State.WAITING, none.value.what)
    for number in (5, 6):
        live(way, first + timedelta(number), 0, 10, 40)
        way.publish("origin_destination", str(first + timedelta(number)))
    assert planned(way)[0] is State.FAILED, "it was refused before, and is tried again"
    made = way.publish("origin_destination", "2026-W14")
    assert (made.rho, len(made.missing_days)) == (0, 2)
    of_types = {row["day_type"]: set[str]() for row in way.table(made).to_pylist()}
    for row in way.table(made).to_pylist():
        of_types[row["day_type"]].add(row["status"])
    assert of_types["weekday"] == {"incomplete"} != of_types["weekend"]
    assert planned(way)[0] is State.DONE


def planned(way: Way, name: str = "origin_destination", day: date = date(2026, 4, 5)) -> tuple[State, str]:
    steps = make_plan(way.stores(), day, day, way.now).steps
    (step,) = (step for step in steps if step.subject == f"{name} {Period.holding(Cadence.WEEK, day)}")
    return step.state, step.why


@pytest.mark.parametrize("name", ["visitors", "dwell", "origin_destination"])
def test_a_week_without_a_day_waits_for_the_same_reason_drawn_or_derived(ingested: Way, name: str) -> None:
    said = State.WAITING, "None of its 7 days is in the lake."
    early = Way(ingested.root, datetime(2026, 4, 10, tzinfo=UTC))
    assert planned(early, name, date(2026, 3, 15)) == said
    assert planned(ingested, name, date(2026, 3, 15))[0] is State.IMPOSSIBLE, "its keys would be destroyed by now"


def test_a_derived_week_says_which_day_in_the_lake_is_not_published(ingested: Way, tmp_path: Path) -> None:
    way = Way(tmp_path).begin_as(ingested)
    for number in range(3, 7):
        live(way, date(2026, 3, 30) + timedelta(number), 0, 10, 40)
    with refused("release.input_missing") as lacking:
        way.publish("dwell", "2026-W14")
    assert "throng publish dwell 2026-03-30" in str(lacking.value)


def test_a_period_whose_numbers_would_all_be_incomplete_is_refused_before_it_is_charged(
    ingested: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuses, "MOST_MISSING", 0.1)
    for name, period in (("visitors", "2026-W14"), ("catchment", "2026-03"), ("loyalty", "2026-03")):
        stores = ingested.stores()
        spent = [month.spent for month in stores.ledger.months()]
        with refused("release.incomplete"):
            ingested.publish(name, period)
        with refused("release.incomplete"):
            quote(stores, name, Period.parse(period), ingested.now)
        assert [month.spent for month in stores.ledger.months()] == spent
        last = Period.parse(period).days[-1]
        step = next(
            step for step in make_plan(stores, last, last, ingested.now).steps if step.subject == f"{name} {period}"
        )
        assert (step.state, step.rho) == (State.WAITING, 0)


@pytest.mark.parametrize(("name", "incomplete"), [("catchment", True), ("panel", False)])
def test_a_month_with_missing_days_says_whether_it_will_be_published_without_them(
    ingested: Way, monkeypatch: pytest.MonkeyPatch, name: str, incomplete: bool
) -> None:
    monkeypatch.setattr(statuses, "MOST_MISSING", 0.1)
    early = Way(ingested.root, datetime(2026, 4, 1, 12, tzinfo=UTC))
    with refused("release.days_missing") as lacking:
        early.publish(name, "2026-03")
    assert ("would be `incomplete`" in lacking.value.action) is incomplete
    assert ("it is published without them" in lacking.value.action) is not incomplete
