"""Origin and destination: trips between stays, by districts and part of the day, and by zones where trips are many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tasks.mobility.tables import TRIPS
from tasks.period import Cadence, Period
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import WITHHELD_SMALL, KeyStatuses
from tasks.products.day_types import by_day_type, days_of_types, summed_by_type
from tasks.products.dimensions import DAY_PART, DISTRICT, ZONE, day_parts
from tasks.products.shared_sums import keys_within
from tasks.products.spec import (
    OPTED_IN,
    Audience,
    Choice,
    CountContext,
    DataProduct,
    DerivedProduct,
    Level,
    PublicContext,
)
from tasks.products.statuses import key_statuses, least_shown
from tasks.quantity import TRIPS as NUMBER_OF_TRIPS

LIMIT = 3.0
"""Standard errors of a district pair's noisy daily number above zero, from which on its zone pairs are drawn."""

FROM_DISTRICT = replace(DISTRICT, name="origin_district_id", meaning="The district in which the trip begins.")
TO_DISTRICT = replace(DISTRICT, name="destination_district_id", meaning="The district in which it ends.")
FROM_ZONE = replace(ZONE, name="origin_zone_id", meaning="The zone in which the trip begins.")
TO_ZONE = replace(ZONE, name="destination_zone_id", meaning="The zone in which it ends: always another one.")


def chosen_zone_pairs(public: PublicContext, drawn: Mapping[str, Measured]) -> Integers:
    """Zone pairs of the district pairs whose noisy number of the day passes the limit."""
    pairs = drawn[DISTRICT_PAIR.name]
    passes = pairs.values.sum(axis=2) > LIMIT * np.sqrt(pairs.variances.sum(axis=2))
    return keys_within(public, ZONE_PAIR, DISTRICT_PAIR, np.broadcast_to(passes[..., None], pairs.values.shape))


DISTRICT_PAIR = Level(
    "district_pair",
    "Trips between two consecutive stays in different zones, by the districts and by the part of the day in which the "
    "first stay ended. A trip within a district counts from the district to itself. Of a person with very many trips, "
    "each counts for less.",
    (FROM_DISTRICT, TO_DISTRICT, DAY_PART),
    additive=frozenset({FROM_DISTRICT.name, TO_DISTRICT.name, DAY_PART.name}),
    reading="went",
    quantity=NUMBER_OF_TRIPS,
)
ZONE_PAIR = Level(
    "zone_pair",
    "The same trips of the whole day, by zones.",
    (FROM_ZONE, TO_ZONE),
    additive=frozenset({FROM_ZONE.name, TO_ZONE.name}),
    reading="went",
    quantity=NUMBER_OF_TRIPS,
    apart=(FROM_ZONE.name, TO_ZONE.name),
    sparse=Choice(
        chosen_zone_pairs,
        "The trips between the two districts, in noisy numbers, were too few on this day to count them by zones.",
    ),
)
OUTFLOW = Level(
    "outflow",
    "Trips that leave the district, by the part of the day in which the stay there ended.",
    (DISTRICT, DAY_PART),
    additive=frozenset({DAY_PART.name}),
    reading="left",
    quantity=NUMBER_OF_TRIPS,
)
INFLOW = replace(
    OUTFLOW,
    name="inflow",
    meaning="Trips into the district, by the part of the day in which they began elsewhere.",
    reading="entered",
)


def count_by_district(context: CountContext) -> Sequence[Contributions]:
    """Count each person's trips by districts and part of the day."""
    district, parts = context.zones.district.astype(np.int64), day_parts(context)
    _, districts, of_day = DISTRICT_PAIR.shape(context)
    return _counted(
        context,
        DISTRICT_PAIR,
        lambda origin, destination, departure: (
            (district[origin] * districts + district[destination]) * of_day + parts[departure]
        ),
    )


def count_by_zone(context: CountContext) -> Sequence[Contributions]:
    """Count each person's trips by zones; a person's weight rests on all of them, whichever pairs are drawn."""
    zones = len(context.zones.zone_ids)
    return _counted(context, ZONE_PAIR, lambda origin, destination, departure: origin * zones + destination)


Key = Callable[[Integers, Integers, Integers], Integers]
"""Flat keys from the zones of origin and destination, and the hour of departure."""


def _counted(context: CountContext, level: Level, key: Key) -> Sequence[Contributions]:
    counter = context.weighted_counter(level)
    for rows in context.rows(TRIPS):
        columns = (rows[name].to_numpy().astype(np.int64) for name in ("origin", "destination", "departure"))
        counter.add(rows["pseudonym"].to_numpy(), key(*columns))
    return (counter.contributions(),)


def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
    """`no_coverage` of either place, `incomplete` of the part of the day, or of the day."""
    return {level.name: key_statuses(context, level) for level in (DISTRICT_PAIR, ZONE_PAIR)}


def summarise(context: CountContext, drawn: Mapping[str, Measured]) -> Mapping[str, DerivedLevel]:
    """Trips that leave and that enter each district."""
    pairs = drawn[DISTRICT_PAIR.name]
    origin, destination, part = np.indices(pairs.values.shape)
    between, parts = (origin != destination).astype(np.float64), pairs.values.shape[2]
    return {
        level.name: _flow(context, level, pairs.sums(district * parts + part, between))
        for level, district in ((OUTFLOW, origin), (INFLOW, destination))
    }


def _flow(context: CountContext, level: Level, sums: Measured) -> DerivedLevel:
    values, variances = (numbers.reshape(level.shape(context)) for numbers in (sums.values, sums.variances))
    small = values < least_shown(variances)
    return DerivedLevel(Measured(values, variances), [*key_statuses(context, level), (WITHHELD_SMALL, small)])


DAILY = DataProduct(
    name="origin_destination",
    version=1,
    cadences=frozenset({Cadence.DAY}),
    levels=(DISTRICT_PAIR, ZONE_PAIR),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(TRIPS,),
    counts=(count_by_district, count_by_zone),
    same_persons=((DISTRICT_PAIR, ZONE_PAIR),),
    statuses=statuses,
    summaries=(OUTFLOW, INFLOW),
    summarise=summarise,
)

WEEK = {
    level: by_day_type(
        level,
        "On at least one day of this type, the trips between the two districts, in noisy numbers, were too few to "
        "count them by zones.",
    )
    for level in DAILY.released
}
"""Each level of a day, and the week's."""


def derive(public: PublicContext, releases: Sequence[StoredRelease]) -> Mapping[str, DerivedLevel]:
    """Add up the days of each type."""
    return {week.name: summed_by_type(public, releases, level) for level, week in WEEK.items()}


WEEKLY = DerivedProduct(
    name="origin_destination",
    version=1,
    cadences=frozenset({Cadence.WEEK}),
    levels=tuple(WEEK.values()),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    inputs=lambda week: [("origin_destination", Period.day(day)) for day in week.days],
    derive=derive,
    sums=days_of_types,
)
PRODUCTS = (DAILY, WEEKLY)
