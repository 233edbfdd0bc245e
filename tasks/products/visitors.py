"""Visitors: distinct persons who stayed in a zone on a day, in a week or in a month, and their visits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks import quantity
from tasks.mobility.day import FROM_BEFORE
from tasks.mobility.home_location import UNKNOWN, Homes
from tasks.mobility.tables import MONTH_STATE, STAYS, WEEK_STATE, LakeTable
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import KeyStatuses
from tasks.products.dimensions import AGE_BAND, DEMOGRAPHICS, GENDER, ZONE, demographics
from tasks.products.spec import OPTED_IN, Audience, Count, CountContext, DataProduct, Dimension, Level
from tasks.products.statuses import key_statuses
from tasks.products.sums import with_small
from tasks.quantity import Split

ARRIVALS = ("today", "before")
ROLES = ("resident", "worker", "visitor")
RESIDENT, WORKER, VISITOR = range(3)

ARRIVAL = Dimension(
    "arrival",
    pa.string(),
    "When the visit began: today, or before the day's first midnight.",
    lambda public: ARRIVALS,
    split=Split.ARRIVAL,
)
ROLE = Dimension(
    "role",
    pa.string(),
    "What the zone is to the person: resident in their home zone, worker in their work zone, visitor elsewhere. "
    "Persons whose home is not known are visitors everywhere.",
    lambda public: ROLES,
)

VISITORS = Level(
    "zone",
    "Distinct persons who stayed in this zone, each once however often they came. "
    "A passage within the minimum dwell is no stay; a longer one is.",
    (ZONE,),
    reading="stayed in",
    distinct=True,
)
VISITS = Level(
    "zone_visits",
    "Visits by when they began. Each is `today` on one day alone; one that midnight cuts is `before` on the next day. "
    "Of a person with very many visits, each counts for less.",
    (ZONE, ARRIVAL),
    additive=frozenset({"zone_id", "arrival"}),
    reading="took place in",
    quantity=replace(quantity.VISITS, happens=False),  # one that midnight cuts is in both days
)
BY_DEMOGRAPHIC = Level(
    "zone_demographic",
    "Distinct persons who stayed in this zone on any day of the period, each once, by age band and gender. "
    "Of a person in very many zones, each counts for less.",
    (ZONE, AGE_BAND, GENDER),
    additive=frozenset({"age_band", "gender"}),
    reading="stayed in",
    distinct=True,
)
BY_ROLE = Level(
    "zone_role",
    "The same persons by what the zone is to them.",
    (ZONE, ROLE),
    additive=frozenset({"role"}),
    reading="stayed in",
    distinct=True,
)


def count_day(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone, and their visits; both weighted where a person has too many."""
    visitors, visits = context.weighted_counter(VISITORS), context.weighted_counter(VISITS)
    for rows in context.rows(STAYS):
        member, zone = _once(context, rows)
        visitors.add(_pseudonyms(context, member), zone)
        before = (rows["overnight"].to_numpy() & FROM_BEFORE > 0).astype(np.int64)
        visits.add(rows["pseudonym"].to_numpy(), rows["zone"].to_numpy().astype(np.int64) * len(ARRIVALS) + before)
    return visitors.contributions(), visits.contributions()


def count_week(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone of the week."""
    persons, group = context.weighted_counter(BY_DEMOGRAPHIC), demographics(context.eligible)
    for rows in context.rows(WEEK_STATE):
        member, zone = _once(context, rows)
        persons.add(_pseudonyms(context, member), zone * DEMOGRAPHICS + group[member])
    return (persons.contributions(),)


def count_month(context: CountContext) -> Sequence[Contributions]:
    """Count each person once a zone of the month, by group and by role; both levels weight the person alike."""
    persons, by_role = context.weighted_counter(BY_DEMOGRAPHIC), context.weighted_counter(BY_ROLE)
    group = demographics(context.eligible)
    for rows in context.rows(MONTH_STATE):
        member, zone = _once(context, rows)
        who = _pseudonyms(context, member)
        persons.add(who, zone * DEMOGRAPHICS + group[member])
        by_role.add(who, zone * len(ROLES) + roles(context.homes(rows), who, zone))
    return persons.contributions(), by_role.contributions()


def roles(homes: Homes, person: npt.NDArray[np.uint64], zone: Integers) -> Integers:
    """What each zone is to its person, as an index; somebody without a known home is a visitor everywhere."""
    row = np.searchsorted(homes.pseudonym, person)
    home, work = homes.zone[row], homes.work[row]
    found: Integers = np.select([home == UNKNOWN, home == zone, work == zone], [VISITOR, RESIDENT, WORKER], VISITOR)
    return found


def statuses(*levels: Level) -> Callable[[CountContext], Mapping[str, KeyStatuses]]:
    """Those of the levels' places."""
    return lambda context: {level.name: key_statuses(context, level) for level in levels}


def summarise(context: CountContext, drawn: Mapping[str, Measured]) -> Mapping[str, DerivedLevel]:
    """The persons of each zone: the sum over age bands and genders, whose errors hang together after least squares."""
    zones = len(context.zones.zone_ids)
    persons = drawn[BY_DEMOGRAPHIC.name].sums(np.repeat(np.arange(zones), DEMOGRAPHICS))
    return {VISITORS.name: with_small(VISITORS, context, persons, key_statuses(context, VISITORS))}


def _once(context: CountContext, rows: pa.Table) -> tuple[Integers, Integers]:
    """Member and zone of each pair among the rows, ascending: a person who came on several days is one."""
    zones = len(context.zones.zone_ids)
    member, zone = np.divmod(np.unique(rows["member"].to_numpy() * zones + rows["zone"].to_numpy()), zones)
    return member, zone


def _pseudonyms(context: CountContext, member: Integers) -> npt.NDArray[np.uint64]:
    people: npt.NDArray[np.uint64] = context.eligible["pseudonym"].to_numpy()[member]
    return people


def _part(cadence: Cadence, table: LakeTable, count: Count, *levels: Level, **more: Any) -> DataProduct:
    return DataProduct(
        name="visitors",
        version=2,
        cadences=frozenset({cadence}),
        levels=levels,
        audience=Audience.CLIENTS,
        population=OPTED_IN,
        reads=(table,),
        counts=(count,),
        statuses=statuses(*levels),
        as_a_whole=True,
        **more,
    )


TOTAL: dict[str, Any] = {"summaries": (VISITORS,), "summarise": summarise}
DAY = _part(Cadence.DAY, STAYS, count_day, VISITORS, VISITS, at_least=((VISITS, VISITORS),))
WEEK = _part(Cadence.WEEK, WEEK_STATE, count_week, BY_DEMOGRAPHIC, **TOTAL)
MONTH = _part(
    Cadence.MONTH,
    MONTH_STATE,
    count_month,
    BY_DEMOGRAPHIC,
    BY_ROLE,
    same_persons=((BY_DEMOGRAPHIC, BY_ROLE),),
    **TOTAL,
)
PRODUCTS = (DAY, WEEK, MONTH)
