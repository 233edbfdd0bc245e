"""Loyalty: on how many days of the month the visitors of a zone stayed there."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.mobility.tables import MONTH_STATE
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions
from tasks.products.dimensions import ZONE
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Dimension, Level
from tasks.products.statuses import key_statuses

LEAST_DAYS = {"1": 1, "2-3": 2, "4-7": 4, "8+": 8}
"""Each class of visitors, and the least number of days that puts a person into it."""

DAYS = Dimension(
    "days",
    pa.string(),
    "On how many days of the month the person stayed in the zone.",
    lambda public: tuple(LEAST_DAYS),
)
ZONE_DAYS = Level(
    "zone_days",
    "Distinct persons who stayed in this zone in the month, each once, by the number of days on which they did. "
    "Of a person in very many zones, each counts for less.",
    (ZONE, DAYS),
    additive=frozenset({"days"}),
    reading="stayed in",
    distinct=True,
    share_within=("zone_id",),
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone, by their days there; weighted where a person has very many zones."""
    counter, (zones, classes) = context.weighted_counter(ZONE_DAYS), ZONE_DAYS.shape(context)
    for rows in context.rows(MONTH_STATE):
        # a row is a day on which the person stayed in the zone
        place = rows["member"].to_numpy() * zones + rows["zone"].to_numpy()
        places, days = np.unique(place, return_counts=True)
        member, zone = np.divmod(places, zones)
        of_days = np.searchsorted(list(LEAST_DAYS.values()), days, side="right") - 1
        counter.add(context.eligible["pseudonym"].to_numpy()[member], zone * classes + of_days)
    return (counter.contributions(),)


PRODUCT = DataProduct(
    name="loyalty",
    version=1,
    cadences=frozenset({Cadence.MONTH}),
    levels=(ZONE_DAYS,),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(MONTH_STATE,),
    counts=(count,),
    statuses=lambda context: {ZONE_DAYS.name: key_statuses(context, ZONE_DAYS)},
    as_a_whole=True,
)
