"""From the day's order to a longer period's: what the month keeps is sorted by the month's own pseudonyms.

A row travels as one integer (26 bits rank by the period's pseudonym, 20 zone, 5 night hours), so that
nothing of the day's order is left in the files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.partitions import LAKE_PARTITIONS, lake_partition

UInt64 = NDArray[np.uint64]
_HOURS = 5
_ZONE_SHIFT = _HOURS
_RANK_SHIFT = _ZONE_SHIFT + 20
_MINUTES = 60


class PeriodPartitions:
    """Zones in which the day's nights were spent, by partition of one longer period; workers add at the same time."""

    def __init__(self, pseudonyms: UInt64, folder: Path) -> None:
        """`pseudonyms`: the period's, by rank in the day's panel; `folder`: private scratch."""
        order = np.argsort(pseudonyms)
        self._pseudonyms = pseudonyms[order]
        self._rank = np.empty(len(order), np.int64)
        self._rank[order] = np.arange(len(order))
        self._edges = np.searchsorted(lake_partition(self._pseudonyms), np.arange(LAKE_PARTITIONS + 1))
        folder.mkdir()
        self._paths = [folder / f"{partition:02d}.visits" for partition in range(LAKE_PARTITIONS)]
        self._files: Sequence[BinaryIO] = [path.open("wb") for path in self._paths]

    def add(self, visits: pa.Table) -> None:
        """Add rows (subscriber, zone, night_minutes) of one walk, each file in one write."""
        subscriber, zone, night = (column.to_numpy().astype(np.int64) for column in visits.columns)
        rows = self._rank[subscriber] << _RANK_SHIFT | zone << _ZONE_SHIFT | night // _MINUTES
        rows.sort()
        edges = np.searchsorted(rows, self._edges << _RANK_SHIFT)
        for file, start, stop in zip(self._files, edges[:-1], edges[1:], strict=True):
            file.write(rows[start:stop].data)

    def close(self) -> None:
        """End the adding."""
        for file in self._files:
            file.close()

    def table(self, partition: int) -> pa.Table:
        """One partition: pseudonym, zone, night_minutes, sorted by pseudonym and zone."""
        rows = np.fromfile(self._paths[partition], np.int64)
        rows.sort()
        return pa.table(
            {
                "pseudonym": self._pseudonyms[rows >> _RANK_SHIFT],
                "zone": (rows >> _ZONE_SHIFT & ((1 << 20) - 1)).astype(np.int32),
                "night_minutes": ((rows & ((1 << _HOURS) - 1)) * _MINUTES).astype(np.int16),
            }
        )
