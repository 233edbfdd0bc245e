"""What deliveries tell the estimator of a release's levels."""

from datetime import date

from tasks.deliverable.level_view import LevelView
from tasks.estimation import distinct_levels
from tasks.period import Cadence, Period
from tasks.quantity import PERSONS, VISITS, Quantity
from tests.unit.deliverable.factories import ZONE

DAY = date(2026, 3, 4)


def level(name: str, quantity: Quantity) -> LevelView:
    return LevelView(name, "Persons or visits.", (ZONE,), frozenset(), None, None, 0, quantity=quantity)


LEVELS = [level("zone", PERSONS), level("visits", VISITS)]


def test_persons_of_a_week_and_a_month_are_counted_once_over_several_days() -> None:
    for cadence in (Cadence.WEEK, Cadence.MONTH):
        assert distinct_levels(Period.holding(cadence, DAY), LEVELS) == {"zone"}
    assert distinct_levels(Period.day(DAY), LEVELS) == set()
