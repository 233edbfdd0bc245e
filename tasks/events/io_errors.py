"""This machine's faults, not a file's: a file that cannot be read just now may be whole, and is not left out."""

import errno
import os

from tasks.errors import StepFailed, StorageUnavailable

_CODES = (
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE, errno.ETIMEDOUT,
    errno.ENOTCONN, errno.ENOBUFS,
)  # fmt: skip
_SAID = tuple(map(os.strerror, _CODES))
"""As the operating system says it; libraries quote it."""


def raise_if_the_machines(error: Exception) -> None:
    """Raise StorageUnavailable if the error quotes a fault of the operating system that says nothing of the file."""
    if why := next((words for words in _SAID if words in str(error)), None):
        raise StorageUnavailable(
            f"The landing cannot be read just now ({why}).",
            "Correct that, then run the same command again: no file is to blame, and nothing is half written.",
            "landing.unreadable",
        ) from None


def out_of_memory() -> StepFailed:
    """What a reader says that gets no more memory."""
    return StepFailed(
        "Memory ran out while files were read: THRONG_MEMORY_LIMIT, or the machine's, does not suffice.",
        "Raise the limit or free memory, then run the same command again: nothing is half written.",
        "engine.out_of_memory",
    )
