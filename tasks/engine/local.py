"""The engine of this machine: read in groups of files, keys through scratch files, walk partitions in threads."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from tasks.engine.kernel_cache import set_kernel_cache
from tasks.engine.partitions import scratch_partitions
from tasks.engine.spec import DayResult, DayWork, ProgressCallback, TableSink
from tasks.events.read import ReadResult, read_group
from tasks.events.reasons import WALK_REASONS
from tasks.events.scratch import scratch_fault
from tasks.mobility.day import COUNT_NAMES


@dataclass(frozen=True)
class LocalEngine:
    """Works in threads of this process. `partitions`: of scratch, a multiple of 64; None: by the size of the files."""

    scratch: Path
    workers: int
    memory_limit: str
    partitions: int | None = None

    def run_day(self, work: DayWork, sink: TableSink, progress: ProgressCallback) -> DayResult:
        """Read and walk a day. Raises StorageUnavailable."""
        set_kernel_cache(self.scratch)
        landed = sum(file.bytes for group in work.groups for file in group.files)
        partitions = self.partitions or scratch_partitions(landed)
        with (
            self._scratch_of(work.context.day) as folder,
            ThreadPoolExecutor(self.workers, initializer=_adopt, initargs=(copy_context(),)) as workers,
        ):
            loaded = workers.submit(_load_kernels, work)
            read = self._read(work, partitions, folder, progress)
            loaded.result()
            from tasks.engine.walking import DayWalk

            counts, profile = DayWalk(work, folder, partitions, sink).run(workers, progress)
        found = dict(zip(COUNT_NAMES, counts.tolist(), strict=True))
        account = read.account.after_walk({reason: found[reason] for reason in WALK_REASONS}, found["kept"])
        return DayResult(replace(read, account=account), found["outside_zones"], profile)

    def _read(self, work: DayWork, partitions: int, folder: Path, progress: ProgressCallback) -> ReadResult:
        total = ReadResult()
        progress("read", 0, len(work.groups))
        for done, group in enumerate(work.groups, 1):
            total += read_group(
                group,
                work.context,
                folder,
                partitions=partitions,
                memory_limit=self.memory_limit,
                threads=self.workers,
            )
            progress("read", done, len(work.groups))
        return total

    @contextmanager
    def _scratch_of(self, day: date) -> Iterator[Path]:
        """A private folder, removed in any case; what a killed run of the same day left goes first."""
        folder = self.scratch / f"day-{day}"
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
            yield folder
        except OSError as error:
            raise scratch_fault(self.scratch, error) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _adopt(context: Context) -> None:
    """Let a worker count its usage where the caller counts."""
    for variable, value in context.items():
        variable.set(value)


def _load_kernels(work: DayWork) -> None:
    """Compile or load while DuckDB reads: this takes seconds of one core the first time."""
    from tasks.mobility.walk import walk_partition

    walk_partition(np.empty(0, np.int64), work.cells, work.rules, work.tables)
