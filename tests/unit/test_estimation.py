"""What deliveries tell the estimator of a release's levels."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from tasks.estimation import beside, counted_levels, total_trips
from tasks.period import Cadence, Period
from tasks.products import registry
from tasks.products.dimensions import HOUR_START, ZONE
from tasks.products.spec import OPTED_IN, Audience, DataProduct, Level, Product, PublicContext
from tasks.release_metadata import level_views
from tests.unit.products import counting

DAY = date(2026, 3, 4)
GUESTS = Level("guests", "Distinct persons of the period.", (ZONE,), distinct=True)
PERSON_DAYS = Level("person_days", "Persons of each day, added up.", (ZONE,))
TOY = DataProduct(
    name="toy",
    version=1,
    cadences=frozenset(Cadence),
    levels=(GUESTS, PERSON_DAYS),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(),
    counts=(),
)


def distinct(product: Product, cadence: Cadence) -> frozenset[str]:
    period = Period.holding(cadence, DAY)
    levels = counted_levels(period, level_views(product, (), PublicContext(period, counting.PLAN, counting.ZONE)))
    return frozenset(name for name, of in levels.items() if of.distinct)


def test_a_product_declares_which_levels_count_each_person_once_over_several_days() -> None:
    for cadence in (Cadence.WEEK, Cadence.MONTH):
        assert distinct(TOY, cadence) == {"guests"}
        assert distinct(replace(TOY, levels=(PERSON_DAYS,)), cadence) == set()
    assert distinct(TOY, Cadence.DAY) == set()


def test_the_products_of_a_week_and_a_month_that_count_persons_declare_it() -> None:
    of_days = {part.part: distinct(part, min(part.cadences)) for part in registry.published() if part.for_clients}
    assert {part: levels for part, levels in of_days.items() if levels} == {
        "catchment.month": {"zone_home_district"},
        "loyalty.month": {"zone_days"},
        "visitors.month": {"zone", "zone_demographic", "zone_role"},
        "visitors.week": {"zone", "zone_demographic"},
    }


def test_all_trips_of_a_day_are_those_between_districts_and_unknown_if_some_are() -> None:
    levels = ["district_pair", "district_pair", "zone_pair"]
    release = pa.table({"level": levels, "value": [40.0, 2.5, 30.0], "se": [3.0, 4.0, 9.0]})
    assert total_trips(release) == (42.5, 25.0)
    assert total_trips(release.set_column(1, "value", pa.array([40.0, None, 30.0]))) is None


BY_HOUR = Level("by_hour", "Persons of each hour.", (ZONE, HOUR_START))


@pytest.mark.parametrize(
    ("levels", "left_out", "names"),
    [
        ((GUESTS,), (), ("footfall", "detection", "dwell")),
        ((GUESTS, BY_HOUR), (), ("footfall", "detection", "dwell")),
        ((BY_HOUR,), (), ("footfall",)),
        ((GUESTS,), ("footfall",), ()),
        ((GUESTS,), ("dwell",), ("footfall",)),
        ((GUESTS,), ("detection",), ("footfall",)),
        ((GUESTS,), ("visitors",), ("footfall", "detection", "dwell")),
    ],
)
def test_people_rest_on_products_that_help_them(
    levels: tuple[Level, ...], left_out: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert beside(replace(TOY, levels=levels), left_out) == names


def test_people_of_footfall_rest_on_no_other_product() -> None:
    (footfall,) = registry.parts("footfall")
    assert beside(footfall) == ()
    assert beside(replace(TOY, audience=Audience.OPERATOR)) == ()
