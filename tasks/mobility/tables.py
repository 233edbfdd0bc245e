"""Tables that the lake can hold of a day, and the kernel that makes each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from tasks.mobility.day import CellArrays, Int64, WalkRules
from tasks.mobility.windows import WINDOWS
from tasks.period import Cadence

ADDED = frozenset({"member", "day"})
"""Columns that a count adds to the rows of a table."""


class Kernel(Protocol):
    """One walk over a partition's cleaned keys."""

    def __call__(self, keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
        """Make tables by name from sorted keys of whole subscribers, which stay unchanged.

        Rows: `subscriber` (int32, the rank in the day's panel), then the table's other columns; sorted as it says.
        """


@dataclass(frozen=True)
class LakeTable:
    """A table of a day; the lake keeps it while a registered product reads it."""

    name: str
    schema: pa.Schema
    """`pseudonym` (uint64), then columns of fixed width."""
    pseudonym: Cadence
    """The period whose pseudonyms and data key the rows are under."""
    sort: tuple[str, ...]
    kernel: Kernel

    def __post_init__(self) -> None:
        if taken := ADDED.intersection(self.schema.names):
            raise ValueError(f"the columns {', '.join(sorted(taken))} of {self.name} are added by a count")


def _presence(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    from tasks.mobility.presence import presence_tables  # Numba: only where a day is walked

    return presence_tables(keys, cells, rules)


def _stays(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    from tasks.mobility.stay_tables import stay_tables

    return stay_tables(keys, cells, rules)


def _detection(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    from tasks.mobility.detection import detection_tables

    return detection_tables(keys, cells, rules)


PRESENCE = LakeTable(
    "presence",
    pa.schema([("pseudonym", pa.uint64()), ("hour", pa.int8()), ("zone", pa.int32())]),
    Cadence.DAY,
    ("pseudonym", "hour"),
    _presence,
)
"""The dominant zone of each subscriber and local hour."""

STAYS = LakeTable(
    "stays",
    pa.schema(
        [
            ("pseudonym", pa.uint64()),
            ("zone", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("overnight", pa.int8()),
        ]
    ),
    Cadence.DAY,
    ("pseudonym", "start"),
    _stays,
)
"""Stays in zones, which do not overlap: seconds of start and end, bits FROM_BEFORE, GOES_ON.

Hours and seconds of all tables are those elapsed since the day's local midnight.
"""

TRIPS = LakeTable(
    "trips",
    pa.schema(
        [
            ("pseudonym", pa.uint64()),
            ("origin", pa.int32()),
            ("destination", pa.int32()),
            ("departure", pa.int8()),
        ]
    ),
    Cadence.DAY,
    ("pseudonym", "departure"),
    _stays,
)
"""Pairs of consecutive stays in different zones, and the hour in which the first one ends.

A stay outside all zones lies between no two stays of a trip.
"""

WEEK_STATE = LakeTable(
    "week_state",
    pa.schema([("pseudonym", pa.uint64()), ("zone", pa.int32())]),
    Cadence.WEEK,
    ("pseudonym", "zone"),
    _stays,
)
"""Zones with a stay on the day."""

MONTH_STATE = LakeTable(
    "month_state",
    pa.schema(
        [("pseudonym", pa.uint64()), ("zone", pa.int32()), ("night_minutes", pa.int16()), ("work_minutes", pa.int16())]
    ),
    Cadence.MONTH,
    ("pseudonym", "zone"),
    _stays,
)
"""Zones with a stay on the day, and the minutes of stays there from 22 to 6 and, Monday to Friday, from 9 to 17."""

DETECTION = LakeTable(
    "detection",
    pa.schema([("pseudonym", pa.uint64()), *((name, pa.int64()) for name in WINDOWS)]),
    Cadence.DAY,
    ("pseudonym",),
    _detection,
)
"""What a subscriber's events would show of stays at fixed times: packed counts of each window (detection.py)."""
