"""The engine of this machine: read in groups of files, keys through scratch files, walk partitions in threads."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.engine.kernel_cache import set_kernel_cache
from tasks.engine.work import DayWork, DayWriter, Machine, Progress
from tasks.errors import StorageUnavailable
from tasks.events.read import ReadResult, read_group
from tasks.events.reasons import WALK_REASONS
from tasks.mobility.day import COUNT_NAMES


@dataclass(frozen=True)
class DayResult:
    """What is known of the day once its partitions are written."""

    read: ReadResult
    """Of all groups: quarantine and unreadable files; its account with what the walk found."""
    outside_zones: int
    """Kept rows whose cell is in no zone."""
    profile: NDArray[np.int64]
    """Confidential; in 1/64 rows: kept rows of each hour, then rows of each of READ_REASONS."""


def run_day(work: DayWork, machine: Machine, lake: DayWriter, progress: Progress) -> DayResult:
    """Read and walk a day into the lake; row order, file split, partitions and workers change no row."""
    set_kernel_cache(machine.scratch)
    with _scratch_of(work, machine) as folder, ThreadPoolExecutor(machine.workers) as workers:
        loaded = workers.submit(_load_kernels, work)
        read = _read(work, machine, folder, progress)
        loaded.result()
        from tasks.engine.walking import DayWalk

        counts, profile = DayWalk(work, folder, machine.partitions, lake).run(workers, progress)
    found = dict(zip(COUNT_NAMES, counts.tolist(), strict=True))
    account = read.account.after_walk({reason: found[reason] for reason in WALK_REASONS}, found["kept"])
    return DayResult(replace(read, account=account), found["outside_zones"], profile)


def _load_kernels(work: DayWork) -> None:
    """Compile or load while DuckDB reads: this takes seconds of one core the first time."""
    from tasks.mobility.walk import walk_partition

    walk_partition(np.empty(0, np.int64), work.cells, work.rules)


def _read(work: DayWork, machine: Machine, folder: Path, progress: Progress) -> ReadResult:
    total = ReadResult()
    progress("read", 0, len(work.groups))
    for done, group in enumerate(work.groups, 1):
        total += read_group(
            group,
            work.context,
            folder,
            buckets=machine.partitions,
            memory_limit=machine.memory_limit,
            threads=machine.workers,
        )
        progress("read", done, len(work.groups))
    return total


@contextmanager
def _scratch_of(work: DayWork, machine: Machine) -> Iterator[Path]:
    """A private folder, removed in any case; what a killed run of the same day left goes first."""
    folder = machine.scratch / f"day-{work.context.day}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        yield folder
    except OSError as error:
        raise StorageUnavailable(
            f"The scratch folder {machine.scratch} cannot be written ({error.strerror}).",
            "Free space there, or give this user the right to write, and run again: nothing is half written.",
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
