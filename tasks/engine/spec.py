"""What an engine is: it reads a day's events, walks its subscribers and writes the tables of the lake."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.events.files import FileGroup
from tasks.events.read import ReadResult
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import CellArrays, WalkRules
from tasks.mobility.tables import LakeTable
from tasks.period import Cadence

ProgressCallback = Callable[[str, int, int], None]
"""Called with the stage, its parts done, and all its parts."""


@dataclass(frozen=True)
class DayWork:
    """A day's work, complete: what to read, by which rules, and which tables to write under which pseudonyms."""

    groups: Sequence[FileGroup]
    """Event files that can be read, by format."""
    context: ReadContext
    cells: CellArrays
    rules: WalkRules
    tables: Sequence[LakeTable]
    pseudonyms: Mapping[Cadence, NDArray[np.uint64]]
    """By cadence of the tables and by rank in the day's panel; those of the day ascend."""


@dataclass(frozen=True)
class DayResult:
    """What an engine knows of the day after its tables are written."""

    read: ReadResult
    """Quarantine, unreadable files and the row account of all groups, the walk included."""
    outside_zones: int
    """Kept rows whose cell is in no zone."""
    profile: NDArray[np.int64]
    """Confidential; in 1/64 rows: kept rows of each hour, then rows of each of READ_REASONS."""


class TableSink(Protocol):
    """Where a day's tables go; workers write at the same time, each partition of a table at most once."""

    def write(self, table: LakeTable, partition: int, rows: pa.Table) -> None:
        """Take the rows of one partition, of the table's schema and in its order; never none."""


class Engine(Protocol):
    """Row order, file split, partitions, workers and the engine itself change no row."""

    def run_day(self, work: DayWork, sink: TableSink, progress: ProgressCallback) -> DayResult:
        """Read and walk a day. Raises StorageUnavailable."""
