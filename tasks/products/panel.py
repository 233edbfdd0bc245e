"""The panel: consented persons by home district, age band and gender, once a month; the only source of its size."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from tasks.mobility.home_location import home_location
from tasks.mobility.zones import ZonePlan
from tasks.privacy.bounds import BoundedCounter, Contributions, LevelRule
from tasks.products.catalogue import AGE_BANDS, GENDERS, PANEL
from tasks.products.footfall import DEMOGRAPHICS, positions

UNKNOWN = "unknown"
(DISTRICT_DEMOGRAPHIC,) = PANEL.level_names


def count(
    states: Iterable[tuple[pa.Table, ...]], allowed: pa.Table, plan: ZonePlan, rules: Sequence[LevelRule]
) -> tuple[Contributions, ...]:
    """Count every allowed person once, by the month's home district; `states` yields one bucket's days at a time."""
    members = allowed["pseudonym"].to_numpy()
    home = np.full(len(members), len(plan.districts), dtype=np.int64)
    for days in states:
        person, district = home_location(days, plan)
        place = positions(members, person)
        found = (place >= 0) & (district >= 0)
        home[place[found]] = district[found]
    cell = allowed["age_band"].to_numpy().astype(np.int64) * len(GENDERS) + allowed["gender"].to_numpy()
    tally = BoundedCounter(DISTRICT_DEMOGRAPHIC, (len(plan.districts) + 1, DEMOGRAPHICS), rules[0].bound)
    tally.add(members, home * DEMOGRAPHICS + cell)
    return (tally.contributions(),)


def keys(plan: ZonePlan) -> dict[str, pa.Table]:
    """Every home district and `unknown`, by age band and gender, in the flat order of `count`."""
    districts = [*plan.districts, UNKNOWN]
    columns = {
        "district_id": [d for d in districts for _ in range(DEMOGRAPHICS)],
        "age_band": [band for band in AGE_BANDS for _ in GENDERS] * len(districts),
        "gender": list(GENDERS) * (len(AGE_BANDS) * len(districts)),
    }
    return {DISTRICT_DEMOGRAPHIC: pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})}
