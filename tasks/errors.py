"""Everything that can go wrong, sorted by who must act; the command line's exit code tells the branch.

ThrongError
├── Misconfigured       2   you, here: a setting, the policy, a command's words, an older database
├── RejectedInput      10   the operator resends or mends what was put into the landing folder
│   └── NotArrived     10   a folder of the landing is past its time and holds nothing
├── RefusedRelease     20   nobody: this must not be published (yet)
├── RefusedDelivery    30   the client, or our contract with it
├── StorageUnavailable 40   wait: the only branch that is retried
└── StepFailed         50   us: a defect; the message names the step and the line, never a value
"""

from typing import ClassVar

INTERRUPTED = 130
"""The exit code of a command that its user stopped: no error, and no ThrongError."""


class ThrongError(Exception):
    """A fault in words: what is wrong (and where), and what to do next. Never carries a row's values."""

    exit_code: ClassVar[int] = 50

    def __init__(self, what: str, action: str) -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action

    def __reduce__(self) -> tuple[type["ThrongError"], tuple[str, str]]:
        """Pickle by the two sentences, so that a copy in another process is equal."""
        return type(self), (self.what, self.action)


class Misconfigured(ThrongError):
    """A setting, the policy, a client file or the database's version is wrong here."""

    exit_code = 2


class RejectedInput(ThrongError):
    """The landing holds something that cannot be used."""

    exit_code = 10


class NotArrived(RejectedInput):
    """A landing folder is past its time and is missing, or holds no event file: the operator is late."""


class RefusedRelease(ThrongError):
    """A release must not be drawn: budget, missing days, policy."""

    exit_code = 20


class RefusedDelivery(ThrongError):
    """A delivery cannot be made or does not verify."""

    exit_code = 30


class StorageUnavailable(ThrongError):
    """Disk, database or object store does not answer; the same call may succeed later."""

    exit_code = 40


class StepFailed(ThrongError):
    """An unforeseen error inside a step, named by place and type only."""

    exit_code = 50
