"""Repartition a day's rows by the pseudonyms of a longer period.

Rows are sorted by the period's pseudonyms alone: files show nothing of the day's order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.partitions import LAKE_PARTITIONS, lake_partition
from tasks.mobility.tables import LakeTable


class PeriodPartitions:
    """A day's rows of one table, by partition of a longer period; workers add at the same time."""

    def __init__(self, table: LakeTable, pseudonyms: NDArray[np.uint64], folder: Path) -> None:
        """`pseudonyms`: the period's, by rank in the day's panel; `folder`: private scratch."""
        self.table = table
        order = np.argsort(pseudonyms)
        self._pseudonyms = pseudonyms[order]
        self._rank = np.empty(len(order), np.int32)
        self._rank[order] = np.arange(len(order), dtype=np.int32)
        self._edges = np.searchsorted(lake_partition(self._pseudonyms), np.arange(LAKE_PARTITIONS + 1))
        others = [(field.name, field.type.to_pandas_dtype()) for field in table.schema][1:]
        self._row = np.dtype([("rank", np.int32), *others])
        folder.mkdir()
        self._paths = [folder / f"{partition:02d}.rows" for partition in range(LAKE_PARTITIONS)]
        self._files: Sequence[BinaryIO] = [path.open("wb") for path in self._paths]

    def add(self, rows: pa.Table) -> None:
        """Add the rows of one walk, by subscriber; each file in one write."""
        rank = self._rank[rows["subscriber"].to_numpy()]
        order = np.argsort(rank, kind="stable")
        packed = np.empty(len(rows), self._row)
        packed["rank"] = rank = rank[order]
        for name in rows.column_names[1:]:
            packed[name] = rows[name].to_numpy()[order]
        edges = np.searchsorted(rank, self._edges)
        for file, start, stop in zip(self._files, edges[:-1], edges[1:], strict=True):
            file.write(packed[start:stop].tobytes())

    def close(self) -> None:
        """End the adding."""
        for file in self._files:
            file.close()

    def rows(self, partition: int) -> pa.Table:
        """One partition, by pseudonym; a subscriber's rows keep their order."""
        packed = np.fromfile(self._paths[partition], self._row)
        packed = packed[np.argsort(packed["rank"], kind="stable")]
        others = [packed[name] for name in self.table.schema.names[1:]]
        return pa.table(
            [self._pseudonyms[packed["rank"]], *map(np.ascontiguousarray, others)], schema=self.table.schema
        )
