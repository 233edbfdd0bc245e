"""A row as one integer: subscriber, second of the local day and cell, so that one integer sort orders a day."""

import numpy as np
from numpy.typing import NDArray

SUBSCRIBER_BITS = 26
SECOND_BITS = 17
CELL_BITS = 20
SECOND_SHIFT = CELL_BITS
SUBSCRIBER_SHIFT = CELL_BITS + SECOND_BITS

SUBSCRIBERS = 1 << SUBSCRIBER_BITS
"""More panel members in a day are refused by name."""
CELLS = 1 << CELL_BITS
"""More cell versions in a day are refused by name."""
REASON_SECOND = (1 << SECOND_BITS) - 1
"""The second of a row set aside at reading, later than any real one; its cell is an index into READ_REASONS."""

Int64 = NDArray[np.int64]


def pack(subscriber: Int64, second: Int64, cell: Int64) -> Int64:
    """Keys (int64) of ranks in the panel, whole seconds since the local day's start and ranks in the cell plan."""
    return (subscriber << SUBSCRIBER_SHIFT) | (second << SECOND_SHIFT) | cell
