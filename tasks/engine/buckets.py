"""Buckets: the lake's are fixed; scratch has a power of two as many, so that a bucket fits in little memory."""

import numpy as np
from numpy.typing import NDArray

LAKE_BUCKETS = 64
"""By the top six bits of the pseudonym that stands in the row."""
_BYTES = 64 << 20
_MOST = 4096


def lake_bucket(pseudonyms: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The lake's bucket of each pseudonym."""
    return (pseudonyms >> np.uint64(58)).astype(np.int64)


def scratch_buckets(landed_bytes: int) -> int:
    """How many scratch buckets a day of so many landed bytes needs to keep each near 64 MB of keys or less."""
    buckets = LAKE_BUCKETS
    while buckets < _MOST and landed_bytes > buckets * _BYTES:
        buckets *= 2
    return buckets
