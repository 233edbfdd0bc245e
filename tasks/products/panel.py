"""The panel: eligible persons by home district, age band and gender, once a month; the only source of its size."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tasks.mobility.home_location import UNKNOWN as UNKNOWN_PLACE
from tasks.mobility.tables import MONTH_STATE
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions
from tasks.products.dimensions import AGE_BAND, DEMOGRAPHICS, DISTRICT, GENDER, demographics
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Level

UNKNOWN = "unknown"
HOME_DISTRICT = replace(
    DISTRICT,
    meaning="The home district; `unknown` for persons with too few stays at night.",
    values=lambda public: (*public.zones.districts, UNKNOWN),
)
DISTRICT_DEMOGRAPHIC = Level(
    "district_demographic",
    "Persons of the panel by home district, age band and gender.",
    (HOME_DISTRICT, AGE_BAND, GENDER),
    additive=frozenset({"district_id", "age_band", "gender"}),
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count every eligible person once, by the month's home district."""
    people = context.eligible["pseudonym"].to_numpy()
    home = np.full(len(people), len(context.zones.districts), dtype=np.int64)
    for rows in context.rows(MONTH_STATE):
        homes = context.homes(rows)
        known = homes.district != UNKNOWN_PLACE
        home[np.searchsorted(people, homes.pseudonym[known])] = homes.district[known]
    counter = context.counter(DISTRICT_DEMOGRAPHIC)
    counter.add(people, home * DEMOGRAPHICS + demographics(context.eligible))
    return (counter.contributions(),)


PRODUCT = DataProduct(
    name="panel",
    version=2,
    cadences=frozenset({Cadence.MONTH}),
    levels=(DISTRICT_DEMOGRAPHIC,),
    audience=Audience.OPERATOR,
    population=OPTED_IN,
    reads=(MONTH_STATE,),
    counts=(count,),
)
