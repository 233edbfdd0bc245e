"""Visitors: distinct persons who stayed in a zone, and their visits."""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.mobility.day import FROM_BEFORE
from tasks.mobility.tables import STAYS
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions
from tasks.privacy.release_table import KeyStatuses
from tasks.products.dimensions import ZONE
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Level
from tasks.quantity import VISITS

VISITORS = Level(
    "zone",
    "Distinct persons who stayed in this zone, each once however often they came. Passing through is no stay.",
    (ZONE,),
    reading="stayed in",
)
VISITS_BEGUN = Level(
    "zone_visits",
    "Visits that began on this day. A stay that midnight cuts is one visit, of the day on which it began. "
    "Of a person with very many visits, each counts for less.",
    (ZONE,),
    additive=frozenset({"zone_id"}),
    reading="began in",
    quantity=VISITS,
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone, and their visits; both weighted where a person has too many."""
    visitors, visits = context.weighted_counter(VISITORS), context.weighted_counter(VISITS_BEGUN)
    for rows in context.rows(STAYS):
        person, zone = rows["pseudonym"].to_numpy(), rows["zone"].to_numpy().astype(np.int64)
        _, once = np.unique(rows["member"].to_numpy() * len(context.zones.zone_ids) + zone, return_index=True)
        visitors.add(person[once], zone[once])
        began = rows["overnight"].to_numpy() & FROM_BEFORE == 0
        visits.add(person[began], zone[began])
    return visitors.contributions(), visits.contributions()


def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
    """`no_coverage` where no cell was valid all day, `incomplete` where the noisy profile shows an empty hour."""
    day = context.period.first
    nowhere = np.all(~context.covered(day), axis=1)
    incomplete = np.full(nowhere.shape, context.incomplete(day).any())
    return {level.name: [("no_coverage", nowhere), ("incomplete", incomplete)] for level in PRODUCT.levels}


PRODUCT = DataProduct(
    name="visitors",
    version=2,
    cadences=frozenset({Cadence.DAY}),
    levels=(VISITORS, VISITS_BEGUN),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(STAYS,),
    counts=(count,),
    statuses=statuses,
)
