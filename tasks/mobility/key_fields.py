"""Fields of packed keys, compiled, for every kernel."""

from tasks.events.jit import kernel
from tasks.events.packed_key import CELLS, REASON_SECOND, SECOND_SHIFT, SUBSCRIBER_SHIFT, Int64


@kernel
def subscriber_of(key: int) -> int:
    """The key's subscriber."""
    return key >> SUBSCRIBER_SHIFT


@kernel
def cell_of(key: int) -> int:
    """The key's rank in the cell plan."""
    return key & (CELLS - 1)


@kernel
def second_of(key: int) -> int:
    """The key's elapsed second of the local day."""
    return (key >> SECOND_SHIFT) & REASON_SECOND


@kernel
def end_of_run(keys: Int64, start: int, stop: int, shift: int) -> int:
    """Where the run of keys ends that agree with the first above `shift` bits."""
    end = start + 1
    while end < stop and keys[end] >> shift == keys[start] >> shift:
        end += 1
    return end
