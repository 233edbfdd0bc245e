"""Footfall: persons by zone and local hour, and by district, hour, age band and gender; or by slots of three hours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from tasks.mobility.tables import PRESENCE
from tasks.period import Cadence
from tasks.privacy.bounds import Contributions, Integers
from tasks.privacy.release_table import KeyStatuses
from tasks.products.dimensions import (
    AGE_BAND,
    DEMOGRAPHICS,
    DISTRICT,
    GENDER,
    HOUR_START,
    SLOT_HOURS,
    SLOT_START,
    ZONE,
    demographics,
    slot_starts,
)
from tasks.products.spec import OPTED_IN, Audience, CountContext, DataProduct, Level, PublicContext

Starts = Callable[[PublicContext], Integers]
"""The first hour of each column of time, as an index."""

ZONE_HOUR = Level(
    "zone_hour",
    "Persons who were in this zone for more of the hour than in any other; each person counts once an hour.",
    (ZONE, HOUR_START),
    additive=frozenset({"zone_id"}),
    reading="were mainly in",
    once_every=1,
)
DISTRICT_HOUR_DEMOGRAPHIC = Level(
    "district_hour_demographic",
    "The same persons by district, age band and gender.",
    (DISTRICT, HOUR_START, AGE_BAND, GENDER),
    additive=frozenset({"district_id", "age_band", "gender"}),
    reading="were mainly in",
    once_every=1,
)
ZONE_SLOT = replace(
    ZONE_HOUR,
    name="zone_slot",
    meaning="Persons for whom this was the zone of most hours of the slot; each person counts once a slot.",
    dimensions=(ZONE, SLOT_START),
    once_every=SLOT_HOURS,
)
DISTRICT_SLOT_DEMOGRAPHIC = replace(
    DISTRICT_HOUR_DEMOGRAPHIC,
    name="district_slot_demographic",
    dimensions=(DISTRICT, SLOT_START, AGE_BAND, GENDER),
    once_every=SLOT_HOURS,
)


def every_hour(public: PublicContext) -> Integers:
    """Each hour begins a column of time of its own."""
    return np.arange(len(public.hours))


def part(by_zone: Level, by_group: Level, starts: Starts) -> DataProduct:
    """Footfall by these two levels."""

    def count(context: CountContext) -> Sequence[Contributions]:
        """Count each person once an hour or slot, at both levels."""
        fine, coarse, first = context.counter(by_zone), context.counter(by_group), starts(context)
        district, group = context.zones.district.astype(np.int64), demographics(context.eligible)
        people = context.eligible["pseudonym"].to_numpy()
        for rows in context.rows(PRESENCE):
            member, time, zone = dominant(rows, first, len(context.zones.zone_ids))
            fine.add(people[member], zone * len(first) + time)
            coarse.add(people[member], (district[zone] * len(first) + time) * DEMOGRAPHICS + group[member])
        return fine.contributions(), coarse.contributions()

    def statuses(context: CountContext) -> Mapping[str, KeyStatuses]:
        """`no_coverage` where no cell was valid, `incomplete` where the noisy profile shows an empty hour."""
        day, district, first = context.period.first, context.zones.district, starts(context)
        covered = np.logical_or.reduceat(context.covered(day), first, axis=1)
        incomplete = np.logical_or.reduceat(context.incomplete(day), first)
        somewhere = np.stack([covered[district == d].any(axis=0) for d in range(len(context.zones.districts))])
        return {
            level.name: [
                ("no_coverage", _spread(~where, level.shape(context))),
                ("incomplete", _spread(incomplete[None, :], level.shape(context))),
            ]
            for level, where in ((by_zone, covered), (by_group, somewhere))
        }

    return DataProduct(
        name="footfall",
        version=3,
        cadences=frozenset({Cadence.DAY}),
        levels=(by_zone, by_group),
        audience=Audience.CLIENTS,
        population=OPTED_IN,
        reads=(PRESENCE,),
        counts=(count,),
        same_persons=((by_zone, by_group),),
        statuses=statuses,
    )


def dominant(rows: pa.Table, first: Integers, zones: int) -> tuple[Integers, Integers, Integers]:
    """Member, column of time and zone of most hours of each person in each column; ties go to the lowest zone."""
    hour, zone = (rows[name].to_numpy().astype(np.int64) for name in ("hour", "zone"))
    member, time = rows["member"].to_numpy(), np.searchsorted(first, hour, side="right") - 1
    if first[-1] == len(first) - 1:  # each hour is a column: a person has one zone in it
        return member, time, zone
    places, hours = np.unique((member * len(first) + time) * zones + zone, return_counts=True)
    order = np.lexsort((places, -hours, places // zones))
    _, best = np.unique(places[order] // zones, return_index=True)
    when, zone = np.divmod(places[order][best], zones)
    member, time = np.divmod(when, len(first))
    return member, time, zone


def _spread(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The mask over places and times, repeated over the further dimensions."""
    return np.broadcast_to(mask.reshape(*mask.shape, *[1] * (len(shape) - mask.ndim)), shape)


SLOTS = part(ZONE_SLOT, DISTRICT_SLOT_DEMOGRAPHIC, slot_starts)
"""For small panels: the same noise costs a third."""
PRODUCT = replace(part(ZONE_HOUR, DISTRICT_HOUR_DEMOGRAPHIC, every_hour), alternative=SLOTS)
