"""Where people live and work in a month: the places of most night and work minutes of its stays."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.mobility.day import Int32, Int64

if TYPE_CHECKING:
    from tasks.mobility.zones import ZonePlan

UNKNOWN = -1
"""The place of somebody with too few minutes anywhere."""


class HomeRules(NamedTuple):
    """The fewest minutes of the month that show a home and a workplace."""

    night_minutes: int
    work_minutes: int


class Homes(NamedTuple):
    """Persons, ascending; each one's home district, home zone and work zone, as indexes of the plan, or -1."""

    pseudonym: NDArray[np.uint64]
    district: Int32
    zone: Int32
    work: Int32


def home_location(states: pa.Table, zone_plan: "ZonePlan", rules: HomeRules) -> Homes:
    """Homes and workplaces of whole persons, from their month states of all days; ties go to the lowest index.

    The home district has most night minutes, the home zone most of them within that district.
    The work zone has most work minutes of all zones but the home zone.
    """
    pseudonyms, number = np.unique(states["pseudonym"].to_numpy(), return_inverse=True)
    people, zones, districts = len(pseudonyms), len(zone_plan.zone_ids), len(zone_plan.districts)
    places, row = np.unique(number * zones + states["zone"].to_numpy(), return_inverse=True)
    night, work = (_sum(states[name].to_numpy(), row, len(places)) for name in ("night_minutes", "work_minutes"))
    person, zone = np.divmod(places, max(zones, 1))
    district_of = zone_plan.district.astype(np.int64)[zone]
    within, row = np.unique(person * districts + district_of, return_inverse=True)
    nights = _sum(night, row, len(within))
    at = _most(within // max(districts, 1), nights, nights >= rules.night_minutes, people)
    district = _at(within % max(districts, 1), at)
    home = _at(zone, _most(person, night, district_of == district[person], people))
    worked = (work >= rules.work_minutes) & (zone != home[person])
    return Homes(pseudonyms, district, home, _at(zone, _most(person, work, worked, people)))


def _sum(minutes: NDArray[np.integer], row: NDArray[np.integer], rows: int) -> Int64:
    """Minutes of each row."""
    return np.bincount(row, weights=minutes, minlength=rows).astype(np.int64)


def _most(person: Int64, minutes: Int64, possible: NDArray[np.bool_], people: int) -> Int64:
    """Of each person's possible rows the first one with most minutes, or -1."""
    order = np.lexsort((-minutes, person))
    order = order[possible[order]]
    found, first = np.unique(person[order], return_index=True)
    best = np.full(people, -1)
    best[found] = order[first]
    return best


def _at(places: Int64, row: Int64) -> Int32:
    """The place at each row, UNKNOWN at -1."""
    return np.append(places, UNKNOWN)[row].astype(np.int32)
