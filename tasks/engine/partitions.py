"""Partitions of subscribers: 64 in the lake, a multiple in scratch so that each fits in memory."""

import numpy as np
from numpy.typing import NDArray

LAKE_PARTITIONS = 64
"""By the top six bits of the pseudonym in the row."""
_BYTES = 64 << 20
_MOST = 4096


def lake_partition(pseudonyms: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The lake's partition of each pseudonym."""
    return (pseudonyms >> np.uint64(58)).astype(np.int64)


def scratch_partitions(landed_bytes: int) -> int:
    """The number of scratch partitions that keeps each near 64 MB of keys, for a day of this many bytes."""
    partitions = LAKE_PARTITIONS
    while partitions < _MOST and landed_bytes > partitions * _BYTES:
        partitions *= 2
    return partitions
