"""A day's work as the engine gets it, what it may use, where it writes, and what it tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.partitions import LAKE_PARTITIONS
from tasks.events.files import FileGroup
from tasks.events.register_values import RegisterFacts
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import CellArrays, WalkRules
from tasks.period import Cadence, Period

UInt64 = NDArray[np.uint64]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many parts of it are done, and of how many."""


class DayWriter(Protocol):
    """Where a day's partitions go; workers write at the same time, each partition once."""

    def write_presence(self, partition: int, table: pa.Table) -> None:
        """Rows (pseudonym, hour, zone) of one partition, sorted by pseudonym and hour."""

    def write_state(self, cadence: Cadence, period: Period, partition: int, table: pa.Table) -> None:
        """Rows (pseudonym, zone, night_minutes) of one partition, sorted by pseudonym and zone."""


@dataclass(frozen=True)
class DayWork:
    """A day's work, complete: what to read, how to judge it, and under which pseudonyms to write it."""

    groups: Sequence[FileGroup]
    """Event files that can be read, by format."""
    context: ReadContext
    cells: CellArrays
    rules: WalkRules
    pseudonyms: UInt64
    """Of the day, by rank in its panel: ascending."""
    longer: Mapping[Period, UInt64]
    """Of each longer period that keeps a state, by the same rank."""
    registers: RegisterFacts = field(default_factory=RegisterFacts)
    """What is known of the values of the registers that the panel was made from."""


@dataclass(frozen=True)
class Machine:
    """What the engine may use. `partitions` is a power of two, at least 64."""

    scratch: Path
    workers: int
    memory_limit: str
    partitions: int = LAKE_PARTITIONS
