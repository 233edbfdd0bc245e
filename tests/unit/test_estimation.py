"""What deliveries tell the estimator of a release's levels."""

from datetime import date

from tasks.deliverable.level_view import LevelView
from tasks.estimation import distinct_levels
from tasks.period import Cadence, Period
from tasks.quantity import PERSONS, VISITS, Quantity
from tests.unit.deliverable.factories import AGE, ZONE, dimension

DAY = date(2026, 3, 4)


def level(name: str, quantity: Quantity, *split: str) -> LevelView:
    more = (AGE,) if "age_band" in split else tuple(dimension(each, "1", "2-3") for each in split)
    return LevelView(name, "Persons.", (ZONE, *more), frozenset(), None, None, 0, quantity=quantity)


LEVELS = [level("zone", PERSONS), level("groups", PERSONS, "age_band"), level("visits", VISITS)]
LEVELS += [level("zone_days", PERSONS, "days")]


def test_persons_of_a_week_and_a_month_are_counted_once_over_several_days() -> None:
    for cadence in (Cadence.WEEK, Cadence.MONTH):
        assert distinct_levels(Period.holding(cadence, DAY), LEVELS) == {"zone", "groups"}
    assert distinct_levels(Period.day(DAY), LEVELS) == set()
