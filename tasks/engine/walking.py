"""The second step on this machine: each lake partition walked and written by one of several threads."""

from concurrent.futures import Executor, as_completed
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.partitions import LAKE_PARTITIONS
from tasks.engine.period_partitions import PeriodPartitions
from tasks.engine.work import DayWork, DayWriter, Progress
from tasks.events.scratch import bucket_file
from tasks.mobility.day import COUNTS, profile_size
from tasks.mobility.walk import Walked, walk_partition

Int64 = NDArray[np.int64]


class DayWalk:
    """Keys of a day in scratch partitions -> the lake's partitions of presence and of each longer period's state."""

    def __init__(self, work: DayWork, keys: Path, partitions: int, lake: DayWriter) -> None:
        """`keys`: the folder in which reading has left at most `partitions` files."""
        self._work, self._lake = work, lake
        self._files = [bucket_file(keys, partition) for partition in range(partitions)]
        self._visits = {period: PeriodPartitions(ids, keys / str(period)) for period, ids in work.longer.items()}

    def run(self, workers: Executor, progress: Progress) -> tuple[Int64, Int64]:
        """Walk and write everything; returns the walk's counts and the profile."""
        counts, profile = np.zeros(COUNTS, np.int64), np.zeros(profile_size(self._work.rules), np.int64)
        progress("walk", 0, LAKE_PARTITIONS)
        walks = [workers.submit(self._partition, partition) for partition in range(LAKE_PARTITIONS)]
        for done, walk in enumerate(as_completed(walks), 1):
            counts += walk.result()[0]
            profile += walk.result()[1]
            progress("walk", done, LAKE_PARTITIONS)
        for visits in self._visits.values():
            visits.close()
        progress("write", 0, LAKE_PARTITIONS)
        for done, _ in enumerate(workers.map(self._write_states, range(LAKE_PARTITIONS)), 1):
            progress("write", done, LAKE_PARTITIONS)
        return counts, profile

    def _partition(self, partition: int) -> tuple[Int64, Int64]:
        """One lake partition, of one or more scratch partitions: each subscriber is whole in one of them."""
        each = len(self._files) // LAKE_PARTITIONS
        walks = [self._walk(path) for path in self._files[partition * each : (partition + 1) * each]]
        presence = pa.concat_tables(walked.presence for walked in walks)
        if len(presence):
            pseudonym = self._work.pseudonyms[presence["subscriber"].to_numpy()]
            columns = {"pseudonym": pseudonym, "hour": presence["hour"], "zone": presence["zone"]}
            self._lake.write_presence(partition, pa.table(columns))
        return np.sum([walked.counts for walked in walks], axis=0), np.sum([walked.profile for walked in walks], axis=0)

    def _walk(self, path: Path) -> Walked:
        keys = np.fromfile(path, np.int64) if path.exists() else np.empty(0, np.int64)
        walked = walk_partition(keys, self._work.cells, self._work.rules)
        path.unlink(missing_ok=True)
        for visits in self._visits.values():
            visits.add(walked.nights)
        return walked

    def _write_states(self, partition: int) -> None:
        for period, visits in self._visits.items():
            table = visits.table(partition)
            if len(table):
                self._lake.write_state(period.cadence, period, partition, table)
