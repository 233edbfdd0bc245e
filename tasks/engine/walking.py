"""The walk on this machine: threads walk and write the partitions of the lake."""

from concurrent.futures import Executor, as_completed
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.partitions import LAKE_PARTITIONS
from tasks.engine.period_partitions import PeriodPartitions
from tasks.engine.spec import DayWork, ProgressCallback, TableSink
from tasks.events.scratch import partition_file
from tasks.mobility.walk import Walked, walk_partition
from tasks.period import Cadence

Int64 = NDArray[np.int64]


class DayWalk:
    """Keys of a day in scratch partitions -> the lake's partitions of each table."""

    def __init__(self, work: DayWork, keys: Path, partitions: int, sink: TableSink) -> None:
        """`keys`: the folder in which reading has left at most `partitions` files."""
        self._work, self._sink = work, sink
        self._files = [partition_file(keys, partition) for partition in range(partitions)]
        self._daily = [table for table in work.tables if table.pseudonym is Cadence.DAY]
        self._longer = [
            PeriodPartitions(table, work.pseudonyms[table.pseudonym], keys / table.name)
            for table in work.tables
            if table.pseudonym is not Cadence.DAY
        ]

    def run(self, workers: Executor, progress: ProgressCallback) -> tuple[Int64, Int64]:
        """Walk and write everything; returns the walk's counts and the profile."""
        progress("walk", 0, LAKE_PARTITIONS)
        walks = [workers.submit(self._partition, partition) for partition in range(LAKE_PARTITIONS)]
        for done, _ in enumerate(as_completed(walks), 1):
            progress("walk", done, LAKE_PARTITIONS)
        counts, profile = (np.sum(parts, axis=0) for parts in zip(*(walk.result() for walk in walks), strict=True))
        for table in self._longer:
            table.close()
        progress("write", 0, LAKE_PARTITIONS)
        for done, _ in enumerate(workers.map(self._write_longer, range(LAKE_PARTITIONS)), 1):
            progress("write", done, LAKE_PARTITIONS)
        return counts, profile

    def _partition(self, partition: int) -> tuple[Int64, Int64]:
        """Walk one lake partition, from one or more scratch partitions of whole subscribers."""
        each = len(self._files) // LAKE_PARTITIONS
        walks = [self._walk(path) for path in self._files[partition * each : (partition + 1) * each]]
        for table in self._daily:
            rows = pa.concat_tables(walked.tables[table] for walked in walks)
            if len(rows):
                subscriber, *others = rows.columns
                pseudonym = self._work.pseudonyms[Cadence.DAY][subscriber.to_numpy()]
                self._sink.write(table, partition, pa.table([pa.array(pseudonym), *others], schema=table.schema))
        return np.sum([walked.counts for walked in walks], axis=0), np.sum([walked.profile for walked in walks], axis=0)

    def _walk(self, path: Path) -> Walked:
        keys = np.fromfile(path, np.int64) if path.exists() else np.empty(0, np.int64)
        walked = walk_partition(keys, self._work.cells, self._work.rules, self._work.tables)
        path.unlink(missing_ok=True)
        for longer in self._longer:
            longer.add(walked.tables[longer.table])
        return walked

    def _write_longer(self, partition: int) -> None:
        for longer in self._longer:
            rows = longer.rows(partition)
            if len(rows):
                self._sink.write(longer.table, partition, rows)
