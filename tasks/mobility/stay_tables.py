"""Tables of stays: stays, trips, and what a week and a month keep of the day. Twins: tests/reference.py."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.mobility.day import FROM_BEFORE, GOES_ON, HOUR, NO_ZONE, CellArrays, Int32, Int64, WalkRules
from tasks.mobility.stays import Stays, find_stays


def stay_tables(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    """stays, trips, week_state and month_state, from stays that are found once."""
    found = find_stays(keys, cells, rules)
    stays = Stays(*(column[found.zone != NO_ZONE] for column in found))
    month = month_state(stays, rules)
    return {
        "stays": stay_table(stays, rules),
        "trips": trips(found),
        "week_state": month.select(["subscriber", "zone"]),
        "month_state": month,
    }


def stay_table(stays: Stays, rules: WalkRules) -> pa.Table:
    """Stays in zones: subscriber, zone, seconds of start and end, and both midnights."""
    overnight = FROM_BEFORE * (stays.start == 0) + GOES_ON * (stays.end == rules.day_seconds)
    return pa.table(
        {
            "subscriber": stays.subscriber,
            "zone": stays.zone,
            "start": stays.start,
            "end": stays.end,
            "overnight": overnight.astype(np.int8),
        }
    )


def trips(stays: Stays) -> pa.Table:
    """Trips between consecutive stays, some of them outside the zones, which no trip leaves or reaches."""
    origin, later = Stays(*(column[:-1] for column in stays)), Stays(*(column[1:] for column in stays))
    inside = (origin.zone != NO_ZONE) & (later.zone != NO_ZONE)
    trip = inside & (origin.subscriber == later.subscriber) & (origin.zone != later.zone)
    return pa.table(
        {
            "subscriber": origin.subscriber[trip],
            "origin": origin.zone[trip],
            "destination": later.zone[trip],
            "departure": (origin.end[trip] // HOUR).astype(np.int8),
        }
    )


def month_state(stays: Stays, rules: WalkRules) -> pa.Table:
    """Zones with a stay, and the whole minutes of night and work in them; in order of (subscriber, zone)."""
    places, row = np.unique((stays.subscriber.astype(np.int64) << 32) | stays.zone, return_inverse=True)
    columns = {"subscriber": (places >> 32).astype(np.int32), "zone": places.astype(np.int32)}
    for name, hours in (("night_minutes", rules.night), ("work_minutes", rules.work)):
        seconds = seconds_before(stays.end, hours) - seconds_before(stays.start, hours)
        minutes = np.bincount(row, weights=seconds, minlength=len(places)) // 60
        columns[name] = minutes.astype(np.int16)
    return pa.table(columns)


def seconds_before(second: Int32, hours: NDArray[np.bool_]) -> Int64:
    """How many seconds of the chosen hours precede each second of the day."""
    chosen = np.append(hours, False).astype(np.int64)  # the day's end is in no hour
    hour = second // HOUR
    before: Int64 = HOUR * (np.cumsum(chosen) - chosen)[hour] + chosen[hour] * (second % HOUR)
    return before
