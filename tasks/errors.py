"""Errors, sorted by who must act; the exit code names the branch.

ThrongError
├── Misconfigured       2   you: a setting, the policy, an argument, an older database
├── RejectedInput      10   the operator corrects or resends the landing
│   ├── NotArrived     10   a closed landing folder is missing or empty
│   └── UnmatchedCensus 10  population.csv names what no count is by; ingest only warns
├── RefusedRelease     20   nobody: the release must not be published, or not yet
├── RefusedDelivery    30   the client
├── StorageUnavailable 40   nobody: wait; the only branch that is retried
└── StepFailed         50   the developers: a defect, named by step and line, never by value
"""

import errno
import re
from typing import ClassVar

SOME_FAILED = 3
"""The exit code where some of several periods or clients failed; no ThrongError has it."""
INTERRUPTED = 130
"""The exit code of a command that its user stopped; no ThrongError has it."""


class ThrongError(Exception):
    """What is wrong, what to do, and a stable code (`landing.no_events`); never a row's values."""

    exit_code: ClassVar[int] = 50

    def __init__(self, what: str, action: str, code: str = "") -> None:
        super().__init__(f"{what} {action}")
        self.what = what
        self.action = action
        self.code = code

    def document(self) -> dict[str, str | int]:
        """The error for programs."""
        kind = type(self).__name__
        return {
            "error": kind,
            "code": self.code,
            "what": self.what,
            "action": self.action,
            "exit_code": self.exit_code,
        }

    def __reduce__(self) -> tuple[type["ThrongError"], tuple[str, str, str]]:
        """Pickle message and code, so that a copy in another process is equal."""
        return type(self), (self.what, self.action, self.code)


class Misconfigured(ThrongError):
    """A setting, the policy, a client file or the database's version is wrong."""

    exit_code = 2


class RejectedInput(ThrongError):
    """The landing cannot be used."""

    exit_code = 10


class NotArrived(RejectedInput):
    """A closed landing folder is missing or has no event file."""


class UnmatchedCensus(RejectedInput):
    """population.csv can be read, but names what the zone plan or the age bands do not have."""


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


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HANDLES = {errno.EMFILE, errno.ENFILE}


def machine_fault(where: str, error: OSError) -> StorageUnavailable | None:
    """The error of a full disk or of too many open files, from any step; None for another cause."""
    again = "then run the same command again: nothing is half written."
    if error.errno in _FULL:
        return StorageUnavailable(f"The disk is full: {where}.", f"Free space there, {again}", "disk.full")
    if error.errno in _HANDLES:
        act = f"Raise the limit of open files (`ulimit -n`), or run less at once; {again}"
        return StorageUnavailable(f"Too many open files: {where}.", act, "machine.open_files")
    return None


MARK = "NUMBER"
"""The replacement of a number that may be a subscriber's."""

_NUMBER = re.compile(
    r"""(?P<kept>
        (?<![0-9A-Za-z]) (?:
            [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12}                              # the id of a run
            | (?= [0-9]*[a-f] ) (?: [0-9a-f]{64} | [0-9a-f]{40} | [0-9a-f]{32} )         # a digest
        ) (?![0-9A-Za-z])
        | (?<!\d) 20[2-9][0-9] (?: 0[1-9] | 1[0-2] ) (?: 0[1-9] | [12][0-9] | 3[01] )    # a date and a time of day
            (?: [01][0-9] | 2[0-3] ) (?: [0-5][0-9] ){0,2} (?!\d)
        | \A [0-9]+ / [0-9]+ \Z                                                          # an exact charge
    ) | \d{9,}""",
    re.VERBOSE,
)


def shown(name: str) -> str:
    """Reduce a foreign name to 100 plain characters: no command, no terminal sequence."""
    return re.sub(r"[^A-Za-z0-9._=/-]", "?", name[:100])


def masked(text: str) -> str:
    """Replace numbers that may be a subscriber's in alerts and logs."""
    return _NUMBER.sub(lambda found: found["kept"] or MARK, text)
