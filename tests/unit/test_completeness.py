"""A release of a whole period needs nine tenths of its hours; else it is refused before anything is charged."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from tasks.completeness import check_complete, derived_incompleteness, incompleteness
from tasks.period import Cadence, Period
from tasks.products import registry
from tasks.products.spec import DerivedProduct
from tests.refusals import refused

ZONE = ZoneInfo("Europe/Berlin")
WEEK, MONTH = Period.parse("2026-W11"), Period.parse("2026-03")
VISITORS = {cadence: registry.product("visitors", cadence) for cadence in Cadence}


def there(period: Period, missing: int = 0) -> dict[date, int]:
    """All days but the first ones, without an empty hour."""
    return dict.fromkeys(period.days[missing:], 0)


CASES = [(WEEK, 0, True), (WEEK, 1, False), (MONTH, 3, True), (MONTH, 4, False)]


@pytest.mark.parametrize(("period", "missing", "whole"), CASES)
def test_a_week_can_lack_no_day_and_a_month_three(period: Period, missing: int, whole: bool) -> None:
    why = incompleteness(VISITORS[period.cadence], period, ZONE, there(period, missing))
    assert (why == "") is whole


def test_hours_without_data_count_as_those_of_missing_days() -> None:
    day = there(WEEK) | {WEEK.first: 16}
    assert not incompleteness(VISITORS[Cadence.WEEK], WEEK, ZONE, day)
    with refused("release.incomplete") as caught:
        check_complete(VISITORS[Cadence.WEEK], WEEK, ZONE, day | {WEEK.days[1]: 1})
    assert str(WEEK.first) in str(caught.value)
    assert str(WEEK.days[2]) not in str(caught.value)


def test_products_that_mark_single_hours_or_name_missing_days_are_published_without_them() -> None:
    for name, period in (("footfall", Period.day(WEEK.first)), ("panel", MONTH), ("dwell", WEEK)):
        assert not incompleteness(registry.product(name, period.cadence), period, ZONE, {})


def test_a_week_of_sums_is_incomplete_where_each_of_its_sums_lacks_a_day() -> None:
    days = [Period.day(day) for day in WEEK.days]
    monday, sunday = days[0], days[-1]
    for name, missing, whole in (
        ("dwell", [], True),
        ("dwell", [monday], False),
        ("origin_destination", [monday], True),
        ("origin_destination", [monday, sunday], False),
    ):
        product = registry.product(name, WEEK.cadence)
        assert isinstance(product, DerivedProduct)
        assert (derived_incompleteness(product, WEEK, missing) == "") is whole
