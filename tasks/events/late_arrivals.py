"""Late data: what has come, changed or gone in the landing since a generation of a day was made from it."""

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.events.landing import LandingFile
from tasks.refs import Listing

NAMED_FILES = 3


@dataclass(frozen=True)
class LateArrivals:
    """Names of files, sorted, and the size of those that arrived or changed; false if there are none."""

    arrived: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.arrived or self.changed or self.gone)

    def __str__(self) -> str:
        parts = (("arrived", self.arrived), ("changed", self.changed), ("gone", self.gone))
        return "; ".join(_said(names, what) for what, names in parts if names)


def listing_of(files: Iterable[LandingFile]) -> Listing:
    """What is kept of a day's files: enough to tell whether they are still the same."""
    return {file.name: (file.bytes, file.mtime_ns) for file in files}


def late_files(before: Listing, now: Iterable[LandingFile]) -> LateArrivals:
    """Compare a generation's listing with the landing's files of the day; without a listing nothing is late.

    A day is never made from no file: an empty listing is that of a generation older than listings.
    """
    if not before:
        return LateArrivals()
    today = listing_of(now)
    arrived = sorted(today.keys() - before.keys())
    changed = sorted(name for name in today.keys() & before.keys() if today[name] != before[name])
    size = sum(today[name][0] for name in (*arrived, *changed))
    return LateArrivals(tuple(arrived), tuple(changed), tuple(sorted(before.keys() - today.keys())), size)


def _said(names: tuple[str, ...], what: str) -> str:
    files = "1 file" if len(names) == 1 else f"{len(names)} files"
    more = f" and {len(names) - NAMED_FILES} more" if len(names) > NAMED_FILES else ""
    return f"{files} {what} ({', '.join(names[:NAMED_FILES])}{more})"
