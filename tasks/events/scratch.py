"""Scratch files of keys, one per partition. One reader at a time appends all keys of a group, or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.errors import StorageUnavailable, machine_fault
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
    """Truncate every partition's file to its earlier length if the block fails. Raises StorageUnavailable."""
    try:
        before = {path: path.stat().st_size for path in _key_files(out)}
        try:
            yield
        except BaseException:
            for path in _key_files(out):
                with path.open("r+b") as file:
                    file.truncate(before.get(path, 0))
            raise
    except OSError as error:
        raise scratch_fault(out, error) from None


def _key_files(out: Path) -> list[Path]:
    """Not by `glob`, which finds nothing in a folder that it cannot open."""
    return [path for path in out.iterdir() if path.suffix == ".keys"]


def scratch_fault(folder: Path, error: OSError) -> StorageUnavailable:
    """An error of the operating system in a scratch folder."""
    return machine_fault(str(folder), error) or StorageUnavailable(
        f"The scratch folder {folder} cannot be written ({error.strerror}).",
        "Give this user the right to write there, then run the same command again: nothing is half written.",
        "engine.scratch_unavailable",
    )
