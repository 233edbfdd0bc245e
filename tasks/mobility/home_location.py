"""Where people live, as a district: the one with most night minutes of a month's stays."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.mobility.day import Int32

if TYPE_CHECKING:
    from tasks.mobility.zones import ZonePlan

UNKNOWN = -1
"""The home district of somebody without a stay at night."""


def home_location(states: Iterable[pa.Table], zone_plan: "ZonePlan") -> tuple[NDArray[np.uint64], Int32]:
    """Pseudonyms (ascending) of one month's bucket over its days, and each one's home district or -1; ties lowest."""
    table = pa.concat_tables(states)
    pseudonyms, person = np.unique(table["pseudonym"].to_numpy(), return_inverse=True)
    districts = len(zone_plan.districts)
    where = person * districts + zone_plan.district[table["zone"].to_numpy()]
    places, row = np.unique(where, return_inverse=True)
    night = np.bincount(row, weights=table["night_minutes"].to_numpy(), minlength=len(places)).astype(np.int64)
    person, district = np.divmod(places, districts)
    order = np.lexsort((district, -night, person))
    first = order[np.searchsorted(person[order], np.arange(len(pseudonyms)))]
    return pseudonyms, np.where(night[first] > 0, district[first], UNKNOWN).astype(np.int32)
