"""Scratch files of keys: one a bucket, appended to by one reader at a time, all of a group or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.errors import StorageUnavailable
from tasks.events.packed_key import SUBSCRIBER_SHIFT, Int64


def bucket_file(out: Path, bucket: int) -> Path:
    """Where a bucket's keys (int64, unsorted) are."""
    return out / f"b{bucket:05d}.keys"


def bucket_starts(panel: Path, buckets: int) -> Int64:
    """The least key of each bucket: a bucket holds pseudonyms of equal top bits, and so a range of ranks."""
    pseudonyms = pq.ParquetFile(panel).read(["pseudonym"]).column(0).to_numpy()
    least = [(bucket << 64) // buckets for bucket in range(buckets)]
    ranks = np.searchsorted(pseudonyms, np.array(least, dtype=np.uint64)).astype(np.int64)
    return ranks << SUBSCRIBER_SHIFT


def append_keys(out: Path, keys: Int64, starts: Int64) -> None:
    """Append each key to its bucket's file."""
    keys = np.sort(keys)
    cuts = [*np.searchsorted(keys, starts), len(keys)]
    for bucket in range(len(starts)):
        part: NDArray[np.int64] = keys[cuts[bucket] : cuts[bucket + 1]]
        if len(part):
            with bucket_file(out, bucket).open("ab") as file:
                file.write(part.data)


@contextmanager
def all_or_nothing(out: Path) -> Iterator[None]:
    """Cut every bucket's file back to its length before, if what is done inside fails."""
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
