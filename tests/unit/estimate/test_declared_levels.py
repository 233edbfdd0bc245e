"""A product declares what its levels count, and people follow: the estimator knows no product, level or column."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from tasks.estimate.people import PeopleEstimator
from tasks.estimate.spec import PublicFacts
from tasks.estimation import counted_levels
from tasks.mobility.zones import ZonePlan
from tasks.period import Cadence, Period
from tasks.products import dwell, visitors
from tasks.products.dimensions import AGE_BAND, DAY_PART, DISTRICT, GENDER, HOUR_START, ZONE
from tasks.products.spec import OPTED_IN, Audience, DataProduct, Dimension, Level, PublicContext
from tasks.quantity import TRIPS, VISITS
from tasks.release_metadata import level_views
from tests.unit.estimate.test_corrected_people import SPARSE, facts
from tests.unit.estimate.test_people import DISTRICT as DISTRICT_OF
from tests.unit.estimate.test_people import DISTRICTS, EVEN, HOURS, ZONES, released
from tests.unit.products import counting

DAY = Period.holding(Cadence.DAY, HOURS[0].date())


class Plan:
    """As much of a zone plan as keys need."""

    zone_ids, districts = ZONES, DISTRICTS


SITE = replace(ZONE, name="site")
REGION = replace(DISTRICT, name="region")
TIME = replace(HOUR_START, name="beginning", values=lambda public: tuple(HOURS))
PAID = Dimension("paid", pa.string(), "Whether they paid.", lambda public: ("yes", "no"))
CAME, LASTED = (replace(each, name=f"their_{each.name}") for each in (visitors.ARRIVAL, dwell.DWELL_BIN))


def toy(*levels: Level) -> DataProduct:
    return DataProduct("toy", 1, frozenset({Cadence.DAY}), levels, Audience.CLIENTS, OPTED_IN, reads=(), counts=())


def public_facts(product: DataProduct, base: PublicFacts) -> PublicFacts:
    """Of a release of the product."""
    public = PublicContext(DAY, cast(ZonePlan, Plan), counting.ZONE)
    return replace(base, levels=counted_levels(DAY, level_views(product, (), public)))


def people(product: DataProduct, base: PublicFacts, *values: Any) -> list[np.ndarray]:
    """Of each level [key columns in the product's order]; values default to 600 a row."""
    public = PublicContext(DAY, cast(ZonePlan, Plan), counting.ZONE)
    counts = [
        np.broadcast_to(values[n] if n < len(values) else 600.0, level.shape(public))
        for n, level in enumerate(product.levels)
    ]
    keys = [{each.name: tuple(each.values(public)) for each in level.dimensions} for level in product.levels]
    named = {level.name: given for level, given in zip(product.levels, zip(keys, counts, strict=True), strict=True)}
    release = released(named)
    made = np.asarray(PeopleEstimator()(release, public_facts(product, base)).columns["people"])
    parts = np.split(made, np.cumsum([count.size for count in counts])[:-1])
    return [part.reshape(count.shape) for part, count in zip(parts, counts, strict=True)]


LEVELS = {
    "persons of groups who paid": Level("a", "-", (SITE, AGE_BAND, PAID, GENDER)),
    "persons of districts": Level("a", "-", (REGION,)),
    "persons of districts by group": Level("a", "-", (REGION, GENDER, AGE_BAND)),
    "stays that last": Level("a", "-", (LASTED, SITE, PAID), quantity=VISITS),
    "stays that last, by part": Level("a", "-", (LASTED, SITE, DAY_PART, PAID), quantity=VISITS),
    "stays by arrival": Level("a", "-", (SITE, CAME, PAID), quantity=VISITS),
    "stays": Level("a", "-", (SITE, PAID), quantity=VISITS),
    "stays of districts": Level("a", "-", (REGION, CAME), quantity=VISITS),
    "trips from a zone": Level("a", "-", (SITE, PAID), quantity=TRIPS),
    "trips from a district": Level("a", "-", (REGION, PAID), quantity=TRIPS),
    "persons at instants": Level("a", "-", (PAID, TIME, SITE)),
    "persons in districts at instants": Level("a", "-", (TIME, REGION, PAID)),
}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_each_kind_of_a_new_products_levels_becomes_people(level: Level) -> None:
    (often,), (seldom,) = (people(toy(level), facts(seen)) for seen in ({}, SPARSE))
    panel_share = 5  # residents for one person of the panel
    assert often.sum() == pytest.approx(panel_share * 600 * often.size, rel=0.35)
    at_instants = TIME in level.dimensions
    assert seldom.sum() == pytest.approx(often.sum()) if at_instants else seldom.sum() > 1.05 * often.sum()


def test_people_of_a_new_products_stays_are_those_of_visitors_and_dwell_whatever_their_names_and_order() -> None:
    known = toy(visitors.VISITORS, visitors.VISITS, dwell.ZONE_DWELL)
    others = toy(
        Level("guests", "-", (SITE,), distinct=True),
        Level("stops", "-", (CAME, SITE), quantity=VISITS),
        Level("durations", "-", (DAY_PART, LASTED, SITE), quantity=VISITS),
    )
    base, rng = facts(SPARSE), np.random.default_rng(2)
    counts = [rng.uniform(300, 900, shape) for shape in ((4,), (4, 2), (4, 5, 9))]
    moved = [counts[0], counts[1].T, counts[2].transpose(1, 2, 0)]
    of_known, of_others = people(known, base, *counts), people(others, base, *moved)
    back: Sequence[np.ndarray] = [of_others[0], of_others[1].T, of_others[2].transpose(2, 0, 1)]
    for one, other in zip(of_known, back, strict=True):
        assert other == pytest.approx(one)


def test_persons_of_districts_at_an_hour_are_a_products_own_numbers_and_not_those_of_footfall() -> None:
    (found,) = people(toy(Level("a", "-", (REGION, TIME, AGE_BAND, GENDER))), facts({}), 7.0)
    assert found.sum() == pytest.approx(5 * 7 * found.size, rel=0.1)


def test_a_slot_that_footfall_does_not_have_takes_the_mean_of_the_day() -> None:
    slots = replace(TIME, values=lambda public: tuple(HOURS[::3]))
    counts = EVEN.people.sum(axis=2)[:, ::3] / 5
    (found,) = people(toy(Level("a", "-", (SITE, slots))), facts({}), counts)
    assert np.bincount(DISTRICT_OF, found.sum(axis=1)) == pytest.approx(
        np.bincount(DISTRICT_OF, 5 * counts.sum(axis=1)), rel=0.35
    )
