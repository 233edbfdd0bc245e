"""The second step on this machine: each lake bucket walked and written by one of several threads."""

from concurrent.futures import Executor, as_completed
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.engine.buckets import LAKE_BUCKETS
from tasks.engine.visits import PeriodVisits
from tasks.engine.work import DayWork, DayWriter, Progress
from tasks.events.scratch import bucket_file
from tasks.mobility.day import COUNTS, profile_size
from tasks.mobility.walk import Walked, walk_bucket

Int64 = NDArray[np.int64]


class DayWalk:
    """Keys of a day in scratch buckets -> the lake's buckets of presence and of each longer period's state."""

    def __init__(self, work: DayWork, keys: Path, buckets: int, lake: DayWriter) -> None:
        """`keys`: the folder in which reading has left at most `buckets` files."""
        self._work, self._lake = work, lake
        self._files = [bucket_file(keys, bucket) for bucket in range(buckets)]
        self._visits = {period: PeriodVisits(ids, keys / str(period)) for period, ids in work.longer.items()}

    def run(self, workers: Executor, progress: Progress) -> tuple[Int64, Int64]:
        """Walk and write everything; returns the walk's counts and the profile."""
        counts, profile = np.zeros(COUNTS, np.int64), np.zeros(profile_size(self._work.rules), np.int64)
        progress("walk", 0, LAKE_BUCKETS)
        walks = [workers.submit(self._bucket, bucket) for bucket in range(LAKE_BUCKETS)]
        for done, walk in enumerate(as_completed(walks), 1):
            counts += walk.result()[0]
            profile += walk.result()[1]
            progress("walk", done, LAKE_BUCKETS)
        for visits in self._visits.values():
            visits.close()
        progress("write", 0, LAKE_BUCKETS)
        for done, _ in enumerate(workers.map(self._write_states, range(LAKE_BUCKETS)), 1):
            progress("write", done, LAKE_BUCKETS)
        return counts, profile

    def _bucket(self, bucket: int) -> tuple[Int64, Int64]:
        """One lake bucket, of one or more scratch buckets: each subscriber is whole in one of them."""
        each = len(self._files) // LAKE_BUCKETS
        walks = [self._walk(path) for path in self._files[bucket * each : (bucket + 1) * each]]
        presence = pa.concat_tables(walked.presence for walked in walks)
        if len(presence):
            pseudonym = self._work.pseudonyms[presence["subscriber"].to_numpy()]
            columns = {"pseudonym": pseudonym, "hour": presence["hour"], "zone": presence["zone"]}
            self._lake.write_presence(bucket, pa.table(columns))
        return np.sum([walked.counts for walked in walks], axis=0), np.sum([walked.profile for walked in walks], axis=0)

    def _walk(self, path: Path) -> Walked:
        keys = np.fromfile(path, np.int64) if path.exists() else np.empty(0, np.int64)
        walked = walk_bucket(keys, self._work.places, self._work.rules)
        path.unlink(missing_ok=True)
        for visits in self._visits.values():
            visits.add(walked.nights)
        return walked

    def _write_states(self, bucket: int) -> None:
        for period, visits in self._visits.items():
            table = visits.table(bucket)
            if len(table):
                self._lake.write_state(period.cadence, period, bucket, table)
