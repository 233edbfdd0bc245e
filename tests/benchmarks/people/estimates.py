"""Ways to a number of people: as it is done today, and by the estimator."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from tasks import policy_file
from tasks.estimate.footfall import DayEstimate
from tasks.estimate.grid import grid
from tasks.estimate.people import PeopleEstimator, corrected, detected_of, placed, visits_of
from tasks.estimate.spec import Detection, Dimensions, Footfall, PublicFacts
from tasks.estimation import counted_levels, total_trips
from tasks.interval import Z90
from tasks.mobility.population import read_margins
from tasks.mobility.zones import stored_plan
from tasks.products.dwell import ZONE_DWELL
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.spec import Level, PublicContext
from tasks.quantity import PEOPLE
from tasks.release_metadata import level_views
from tests.benchmarks.people.worlds import Kept

Estimate = Callable[[Kept, str, str], tuple[pa.Table, pa.Table]]
"""Of a city, a product and a noise: persons of the panel there, and people, each with its interval's ends."""
COLUMNS = {"people": "value", "people_low": "low", "people_high": "high"}
TIMEZONE = policy_file.load().policy.time.local


def released(kept: Kept, product: str, noise: str) -> tuple[pa.Table, pa.Table]:
    """Released numbers as they are, and times one factor: residents for one person of the panel."""
    residents = pc.sum(pyarrow.csv.read_csv(kept.folder / "population.csv")["residents"]).as_py()
    factor, release = residents / np.asarray(kept.table("panel")["value"]).sum(), kept.release(product, noise)
    there = pa.table({name: release[column] for name, column in COLUMNS.items()})
    return there, pa.table({name: pc.multiply(there[name], factor) for name in COLUMNS})


def estimated(with_panel: bool, kept: Kept, product: str, noise: str) -> tuple[pa.Table, pa.Table]:
    """By the estimator, of one day's releases under the same noise."""
    release, facts = kept.release(product, noise), _facts(kept, product, noise, with_panel)
    return there(release, facts), PeopleEstimator()(release, facts).columns


def there(release: pa.Table, facts: PublicFacts) -> pa.Table:
    """Persons of the panel by true place, silent ones too; their number at an hour is that of all, in a closed city."""
    columns, day = np.full((3, release.num_rows), np.nan), DayEstimate(facts)
    seen = day.present.zones.values.sum(axis=0).mean() / day.strata.panel.sum()
    levels = {name: grid(release, name, of.dimensions) for name, of in facts.levels.items()}
    visits, detected = visits_of(levels, facts), detected_of(facts)
    for name, level in levels.items():
        given = level, facts.levels[name]
        front, found, more = corrected(day, detected, *given, visits)
        share = more.value / placed(day, *given)[2].value
        variance = np.square(share) * (found.variances + found.model) + np.square(share * found.values) * more.model
        values, variances = (level.back(part, *front) / seen for part in (found.values * share, variance))
        half = Z90 * np.sqrt(variances / seen)
        columns[:, level.rows] = values, values - half, values + half
    return pa.table(dict(zip(PEOPLE, columns, strict=True)))


ESTIMATES: dict[str, Estimate] = {
    "released": released,
    "estimated": partial(estimated, False),
    "estimated, with a panel": partial(estimated, True),
}


def _facts(kept: Kept, product: str, noise: str, with_panel: bool) -> PublicFacts:
    footfall, panel = kept.release("footfall", noise), kept.table("panel")
    panel = panel.append_column("level", pa.repeat("district_demographic", len(panel)))
    zones = stored_plan((kept.folder / "zones.geojson").read_bytes())
    public = PublicContext(kept.period, zones, TIMEZONE)
    margins = read_margins(kept.folder, zones)
    assert margins
    (of,) = (each for each in kept.world.products if each.name == product)
    return PublicFacts(
        levels=counted_levels(kept.period, level_views(of, (), public)),
        zone_ids=tuple(zones.zone_ids),
        district=zones.district,
        districts=tuple(zones.districts),
        confusion=kept.table("confusion"),
        stay_confusion=kept.table("stay_confusion"),
        margins=margins,
        footfall=Footfall(
            footfall,
            {
                level.name: _dimensions(level, PublicContext(kept.day, zones, TIMEZONE))
                for level in FOOTFALL.levels
                if level.name in footfall["level"].unique().to_pylist()
            },
            TIMEZONE,
        ),
        panel=panel if with_panel else None,
        closed=True,
        detection=_detection(kept, noise, public) if kept.world.days == 1 else None,
    )


def _detection(kept: Kept, noise: str, public: PublicContext) -> Detection:
    """Of the same day."""
    dwell = _dimensions(ZONE_DWELL, public)
    min_dwell = policy_file.load().policy.stay.min_dwell_minutes
    trips = total_trips(kept.release("origin_destination", noise))
    return Detection(kept.release("detection", noise), kept.release("dwell", noise), dwell, min_dwell, trips)


def _dimensions(level: Level, public: PublicContext) -> Dimensions:
    return {each.name: each.values(public) for each in level.dimensions}
