"""Footfall: persons by zone and local hour, and by district, hour, age band and gender."""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.mobility.tables import PRESENCE
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions
from tasks.privacy.release_table import KeyStatuses
from tasks.products.dimensions import AGE_BAND, DEMOGRAPHICS, DISTRICT, GENDER, HOUR_START, ZONE, demographics
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Level

ZONE_HOUR = Level(
    "zone_hour",
    "Persons who were in this zone for more of the hour than in any other; each person counts once an hour.",
    (ZONE, HOUR_START),
    additive=frozenset({"zone_id"}),
    reading="were mainly in",
    once_an_hour=True,
)
DISTRICT_HOUR_DEMOGRAPHIC = Level(
    "district_hour_demographic",
    "The same persons by district, age band and gender.",
    (DISTRICT, HOUR_START, AGE_BAND, GENDER),
    additive=frozenset({"district_id", "age_band", "gender"}),
    reading="were mainly in",
    once_an_hour=True,
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count each person once an hour, at both levels."""
    fine, coarse = context.counter(ZONE_HOUR), context.counter(DISTRICT_HOUR_DEMOGRAPHIC)
    hours, district = len(context.hours), context.zones.district.astype(np.int64)
    group = demographics(context.eligible)
    for rows in context.rows(PRESENCE):
        person, hour, zone = (rows[name].to_numpy() for name in ("pseudonym", "hour", "zone"))
        fine.add(person, zone.astype(np.int64) * hours + hour)
        coarse.add(person, (district[zone] * hours + hour) * DEMOGRAPHICS + group[rows["member"].to_numpy()])
    return fine.contributions(), coarse.contributions()


def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
    """`no_coverage` where no cell was valid, `incomplete` where the noisy profile shows an empty hour."""
    day, district = context.period.first, context.zones.district
    covered, incomplete = context.covered(day), context.incomplete(day)
    somewhere = np.stack([covered[district == d].any(axis=0) for d in range(len(context.zones.districts))])
    return {
        level.name: [
            ("no_coverage", _spread(~where, level.shape(context))),
            ("incomplete", _spread(incomplete[None, :], level.shape(context))),
        ]
        for level, where in ((ZONE_HOUR, covered), (DISTRICT_HOUR_DEMOGRAPHIC, somewhere))
    }


def _spread(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The mask over places and hours, repeated over the further dimensions."""
    return np.broadcast_to(mask.reshape(*mask.shape, *[1] * (len(shape) - mask.ndim)), shape)


PRODUCT = DataProduct(
    name="footfall",
    version=3,
    cadences=frozenset({Cadence.DAY}),
    levels=(ZONE_HOUR, DISTRICT_HOUR_DEMOGRAPHIC),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(PRESENCE,),
    counts=(count,),
    same_persons=((ZONE_HOUR, DISTRICT_HOUR_DEMOGRAPHIC),),
    statuses=statuses,
)
