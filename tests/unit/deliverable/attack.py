"""What somebody did to a client's files, and what must come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, bytes]


@dataclass(frozen=True)
class Attack:
    """What somebody did to the files, what else is asked for, and the code of the refusal, if it is always the same."""

    files: Mapping[str, bytes]
    code: str | None = None
    words: tuple[str, ...] = ()
    last: Callable[[Path], object] = lambda folder: None
    pin: str | None = "key.pem"
    """The file of the pinned key."""
    below: str = ""
    """The folder that is verified, if it is not the client's prefix."""
