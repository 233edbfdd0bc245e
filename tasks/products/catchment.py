"""Catchment: where the visitors of a zone live, how many districts hold most of them, and how far away they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tasks.interval import Z90
from tasks.mobility.centres import centre_distances_km
from tasks.mobility.home_location import UNKNOWN as UNKNOWN_PLACE
from tasks.mobility.tables import MONTH_STATE
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions, Integers, Reals
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import WITHHELD_SMALL, KeyStatuses
from tasks.privacy.selection import mostly_noise
from tasks.products.cores import core_probabilities
from tasks.products.cumulative import Reached, likely, reached
from tasks.products.dimensions import ZONE
from tasks.products.panel import UNKNOWN
from tasks.products.shared_sums import attribute_groups
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Dimension, Level, Mask
from tasks.products.statuses import key_statuses, least_shown
from tasks.quantity import DISTRICTS, KILOMETRES, Quantity, Split

CORES = (50, 70, 90)
"""Shares of the visitors, in percent, that a core holds."""
QUANTILES = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75, "ninetieth_percentile": 0.9}

HOME = Dimension(
    "home_district_id",
    pa.string(),
    "The district in which the visitors live; unknown for those with too few stays at night to tell.",
    lambda public: (*public.zones.districts, UNKNOWN),
    named_by="district",
    split=Split.HOME,
)
KNOWN_HOME = replace(HOME, meaning="The home district.", values=lambda public: public.zones.districts)
HELD = Dimension("core_percent", pa.int8(), "The share of visitors that the core holds, in percent.", lambda _: CORES)
STATISTIC = Dimension(
    "statistic",
    pa.string(),
    "This share of the visitors lives no farther away: 25, 50, 75 and 90 %.",
    lambda public: tuple(QUANTILES),
)
CORE_PERCENT = Quantity(
    "core_percent",
    "%",
    "The smallest core that the district belongs to: 50, 70 or 90; 100 if none of these",
    (70.0, 50.0, 70.0, 6.1),
    counts=None,
)

ZONE_HOME = Level(
    "zone_home_district",
    "Distinct persons with a stay in the zone during the month, by their home district. Residents are among them. "
    "Of a person in very many zones, each counts for less.",
    (ZONE, HOME),
    additive=frozenset({"home_district_id"}),
    reading="stayed in",
    distinct=True,
    share_within=("zone_id",),
)
CORE = Level(
    "core",
    "The smallest set of home districts that holds 50, 70 or 90 % of the visitors whose home is known: "
    "the smallest of these sets that the district is in.",
    (ZONE, KNOWN_HOME),
    quantity=CORE_PERCENT,
)
CORE_SIZE = Level("core_size", "The number of home districts in the zone's core.", (ZONE, HELD), quantity=DISTRICTS)
DISTANCE = Level(
    "distance",
    "The distance between the zone's centre and the centre of the visitors' home districts, for visitors whose home is "
    "known.",
    (ZONE, STATISTIC),
    quantity=KILOMETRES,
)


def count(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone of the month's stays, by the month's home district."""
    counter, zones = context.weighted_counter(ZONE_HOME), len(context.zones.zone_ids)
    homes = len(context.zones.districts) + 1
    for rows in context.rows(MONTH_STATE):
        living = context.homes(rows)
        number = np.searchsorted(living.pseudonym, rows["pseudonym"].to_numpy())
        number, zone = np.divmod(np.unique(number * zones + rows["zone"].to_numpy()), zones)
        home = np.where(living.district == UNKNOWN_PLACE, homes - 1, living.district).astype(np.int64)
        counter.add(living.pseudonym[number], zone * homes + home[number])
    return (counter.contributions(),)


def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
    """`no_coverage` and `incomplete` of the zone, for each home district."""
    return {ZONE_HOME.name: key_statuses(context, ZONE_HOME)}


def summarise(context: CountContext, drawn: Mapping[str, Measured]) -> Mapping[str, DerivedLevel]:
    """Cores and distances, over visitors whose home is known."""
    persons = drawn[ZONE_HOME.name]
    known = Measured(persons.values[:, :-1], persons.variances[:, :-1])
    few = known.values.sum(axis=1) < least_shown(known.variances.sum(axis=1))
    shown = ~few[:, None] & ~_withheld(context, persons)[:, :-1]
    sizes, members = core_probabilities(known, [percent / 100 for percent in CORES])
    size = likely(sizes)
    made = {
        CORE: _cores(size[0], members, known.values, shown),
        CORE_SIZE: _core_sizes(size, np.count_nonzero(shown, axis=1), known.values.shape[1]),
        DISTANCE: _distances(known, centre_distances_km(context.zones), few),
    }
    return {
        level.name: replace(each, statuses=[*key_statuses(context, level), *each.statuses])
        for level, each in made.items()
    }


def _withheld(context: CountContext, persons: Measured) -> Mask:
    """Rows of the drawn level that have no number: no district is in a core without one."""
    threshold, groups = context.rules[ZONE_HOME.name].threshold or 0, attribute_groups(context, ZONE_HOME)
    values, se = persons.values.ravel(), np.sqrt(persons.variances.ravel())
    nowhere = np.any([mask.ravel() for _, mask in key_statuses(context, ZONE_HOME)], axis=0)
    withheld = (values < threshold) | mostly_noise(values, se, threshold, groups, ~nowhere)
    return withheld.reshape(persons.values.shape)


def _cores(largest: Integers, members: Reals, values: Reals, shown: Mask) -> DerivedLevel:
    """The smallest core of each district: the first one that is not reached before its rank."""
    rank = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1)
    first = (rank[..., None] > largest[:, None, :]).sum(axis=-1)
    core, low, high = (np.array([*CORES, 100])[each] for each in likely(members, first))
    return _computed(core, low, high, ~shown)


def _core_sizes(size: Reached, shown: Integers, districts: int) -> DerivedLevel:
    """The size of each core; the upper end is every district where those with a number do not reach it surely."""
    at, low, high = (each + 1 for each in size)
    known = at <= shown[:, None]
    return _computed(at, low, np.where(high <= shown[:, None], high, districts), ~known)


def _distances(known: Measured, distances: Reals, few: Mask) -> DerivedLevel:
    """Quantiles of the distance from the zone to its visitors' homes."""
    order = np.argsort(distances, axis=1, kind="stable")
    values, variances, far = (
        np.take_along_axis(each, order, axis=1) for each in (known.values, known.variances, distances)
    )
    quantiles = [reached(Measured(values, variances), share) for share in QUANTILES.values()]
    at, low, high = (np.take_along_axis(far, np.stack(ends, axis=1), axis=1) for ends in zip(*quantiles, strict=True))
    return _computed(at, low, high, np.broadcast_to(few[:, None], at.shape))


def _computed(values: Reals | Integers, low: Reals | Integers, high: Reals | Integers, few: Mask) -> DerivedLevel:
    """A level whose standard error is that of a normal error with this 90 % interval."""
    ends = low.astype(np.float64), high.astype(np.float64)
    se = (ends[1] - ends[0]) / (2 * Z90)
    return DerivedLevel(Measured(values.astype(np.float64), se**2), [(WITHHELD_SMALL, few)], ends)


PRODUCT = DataProduct(
    name="catchment",
    version=1,
    cadences=frozenset({Cadence.MONTH}),
    levels=(ZONE_HOME,),
    audience=Audience.CLIENTS,
    population=OPTED_IN,
    reads=(MONTH_STATE,),
    counts=(count,),
    statuses=statuses,
    as_a_whole=True,
    summaries=(CORE, CORE_SIZE, DISTANCE),
    summarise=summarise,
)
