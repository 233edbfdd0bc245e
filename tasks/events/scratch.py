"""Scratch files of keys, one per partition. One reader at a time appends all keys of a group, or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.errors import StorageUnavailable
from tasks.events.packed_key import SUBSCRIBER_SHIFT, Int64


def partition_file(out: Path, partition: int) -> Path:
    """The file of a partition's keys (int64, unsorted)."""
    return out / f"b{partition:05d}.keys"


def partition_starts(panel: Path, partitions: int) -> Int64:
    """The least key of each partition: a partition holds pseudonyms of equal top bits, and so a range of ranks."""
    pseudonyms = pq.ParquetFile(panel).read(["pseudonym"]).column(0).to_numpy()
    least = [(partition << 64) // partitions for partition in range(partitions)]
    ranks = np.searchsorted(pseudonyms, np.array(least, dtype=np.uint64)).astype(np.int64)
    return ranks << SUBSCRIBER_SHIFT


def append_keys(out: Path, keys: Int64, starts: Int64) -> None:
    """Append each key to its partition's file."""
    keys = np.sort(keys)
    cuts = [*np.searchsorted(keys, starts), len(keys)]
    for partition in range(len(starts)):
        part: NDArray[np.int64] = keys[cuts[partition] : cuts[partition + 1]]
        if len(part):
            with partition_file(out, partition).open("ab") as file:
                file.write(part.data)


@contextmanager
def all_or_nothing(out: Path) -> Iterator[None]:
    """Truncate every partition's file to its earlier length if the block fails."""
    before = {path: path.stat().st_size for path in out.glob("*.keys")}
    try:
        yield
    except BaseException as error:
        for path in out.glob("*.keys"):
            with path.open("r+b") as file:
                file.truncate(before.get(path, 0))
        if isinstance(error, OSError):
            raise StorageUnavailable(
                f"The scratch folder {out} cannot be written ({error.strerror}).",
                "Free space under THRONG_HOME, then rerun.",
                "engine.scratch_unavailable",
            ) from None
        raise
