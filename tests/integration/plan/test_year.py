"""A year with a leap day, both clock changes and 53 ISO weeks, as the planner and the ledger see it."""

from collections import Counter
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from tasks.period import Period, day_hours
from tasks.plan import State, daily_plan
from tasks.privacy.accounting import UNITS, cap_units
from tasks.store.database import Database
from tasks.store.ledger import Ledger, ReleaseKey, ReservationFacts
from tests.integration.plan.world import AUDIT, World, noon

pytestmark = pytest.mark.usefixtures("few_products")

YEAR = [date(2020, 1, 1) + timedelta(days=n) for n in range(366)]
WEEKS = sorted({Period.week(day) for day in YEAR})
MONTHS = sorted({Period.month(day) for day in YEAR})
BERLIN = ZoneInfo("Europe/Berlin")
CLOSE = {date(2020, month, day) for month, day in ((2, 29), (3, 29), (10, 25), (12, 28))}
"""Leap day, clock changes, last week: here the schedule runs every day, elsewhere every fifth."""


def runs_after(day: date) -> bool:
    return day.toordinal() % 5 == 0 or day == YEAR[-1] or any(abs((day - near).days) <= 3 for near in CLOSE)


def follow(world: World, now: datetime) -> list[str]:
    """Do what the schedule's plan says, in its order; returns what was due."""
    due = daily_plan(world.stores, now).due
    for step in due:
        if step.verb == "ingest":
            world.ingested(date.fromisoformat(step.period))
        if step.verb == "publish":
            world.released(str(step.product), Period.parse(step.period))
        if step.verb == "deliver":
            release = world.stores.ledger.find("footfall", 3, step.period)
            assert release is not None
            world.delivered(str(step.client), ReleaseKey.of(release))
    return [" ".join(step.key) for step in due]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[date, list[str]]]:
    """Days arrive, and at the noon after some of them the schedule's plan is followed to the letter."""
    world = World.new(tmp_path_factory.mktemp("year"))
    world.client("nordmarkt", YEAR[0])
    done = {}
    for day in YEAR:
        world.file(day)
        done[day] = follow(world, noon(day + timedelta(days=1))) if runs_after(day) else []
    return world, done


def test_this_year_has_all_that_a_calendar_can_do() -> None:
    hours = Counter(len(day_hours(day, BERLIN)) for day in YEAR)
    assert hours == {23: 1, 24: 364, 25: 1}
    assert date(2020, 2, 29) in YEAR
    assert (len(WEEKS), str(WEEKS[0]), str(WEEKS[-1])) == (53, "2020-W01", "2020-W53")


def test_every_day_and_month_is_planned_once_and_by_the_first_run_after_it(
    year: tuple[World, dict[date, list[str]]],
) -> None:
    _, done = year
    arrived: list[date] = []
    for day in YEAR:
        arrived.append(day)
        if not runs_after(day):
            continue
        ended = [str(Period.month(d)) for d in arrived if (d + timedelta(days=1)).day == 1]
        expected = [f"ingest {d}" for d in arrived]
        expected += [f"publish footfall {d}" for d in arrived] + [f"publish panel {month}" for month in ended]
        expected += [f"deliver nordmarkt footfall {d}" for d in arrived]
        assert sorted(step for step in done[day] if not step.startswith("index")) == sorted(expected)
        arrived.clear()


def test_a_year_costs_what_its_days_and_months_cost_and_each_month_keeps_its_cap(
    year: tuple[World, dict[date, list[str]]],
) -> None:
    """A day costs hours / 2048 + hours / 8192 (24, or 25 on the long day), a month's panel 1 / 200."""
    world, _ = year
    long_day = next(day for day in YEAR if len(day_hours(day, BERLIN)) == 25)
    for budget in world.stores.ledger.months():
        days = [day for day in YEAR if f"{day:%Y-%m}" == budget.month]
        exact = sum(
            Fraction(25 if day == long_day else 24, 1) * (Fraction(1, 2048) + Fraction(1, 8192)) for day in days
        )
        exact += Fraction(1, 200)
        assert 0 <= budget.spent - exact * UNITS <= 3 * len(days) + 1  # rounded up for each level of each release
        assert budget.spent <= budget.cap
    assert len(world.stores.ledger.months()) == 12


def test_the_whole_year_is_done_and_a_plan_of_it_has_nothing_to_do(year: tuple[World, dict[date, list[str]]]) -> None:
    world, _ = year
    plan = world.plan(YEAR[0], YEAR[-1], noon(date(2021, 1, 1)))
    assert (plan.due, plan.counts) == ((), {State.DONE: 366 + 12})


def test_a_year_of_weeks_charges_both_months_where_they_touch_two(database: Database) -> None:
    """Weekly products have no policy yet; the ledger's rule for them is PRIVACY 2's: each touched month pays double."""
    ledger, cap = Ledger(database), cap_units(1)  # type: ignore[arg-type]
    one, spent = UNITS // 200, Counter[str]()
    for week in WEEKS:
        months = {f"{day:%Y-%m}" for day in week.days}
        units = one * (2 if len(months) > 1 else 1)
        assert set(week.months) == months
        facts = ReservationFacts("1/200", datetime(2020, 1, 1, tzinfo=BERLIN), "policy", "zones", {})
        for _ in range(2):  # a rerun changes nothing
            key = ReleaseKey("visitors", 1, str(week), 1)
            ledger.reserve(key, dict.fromkeys(week.months, units), cap, facts, AUDIT)
        spent.update(dict.fromkeys(months, units))
    assert {row.month: row.spent for row in ledger.months()} == dict(spent)
    assert set(spent) == {"2019-12", *(str(month) for month in MONTHS), "2021-01"}
    assert sum(len(week.months) == 2 for week in WEEKS) == 12  # June began on a Monday
