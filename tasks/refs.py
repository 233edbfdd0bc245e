"""What crosses a task border: ids, dates, counts and digests; never a table, never a row's value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Listing = Mapping[str, tuple[int, int]]
"""Event files by name: size in bytes and time of change in nanoseconds."""


class Outcome(StrEnum):
    """How a verb ended; also the name of the flow run's final state."""

    INGESTED = "Ingested"
    PUBLISHED = "Published"
    DELIVERED = "Delivered"
    ALREADY_INGESTED = "AlreadyIngested"
    ALREADY_PUBLISHED = "AlreadyPublished"
    ALREADY_DELIVERED = "AlreadyDelivered"
    AWAITING_LANDING = "AwaitingLanding"
    INDEXED = "Indexed"
    EXPIRED = "Expired"
    REFUSED = "Refused"


@dataclass(frozen=True)
class DayRef:
    """A generation of a day in the lake."""

    day: date
    generation: int
    outcome: Outcome
    rows_in: int
    rows_kept: int
    warnings: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ReleaseRef:
    """A release: its unique key, and what is known of its bytes."""

    product: str
    version: int
    period: str
    revision: int
    outcome: Outcome
    sha256: str
    rho: float
    missing_days: tuple[str, ...] = ()
    """Days of the period that it was drawn without."""
    stale: tuple[str, ...] = ()
    """What differs today from what it was drawn from."""
    revision_rho: float | None = None
    """What drawing a stale one again would charge to each of its months."""

    def __str__(self) -> str:
        return f"{self.product}/v{self.version}/{self.period}/r{self.revision}"


@dataclass(frozen=True)
class DeliveryRef:
    """A delivery of a release to a client."""

    client: str
    product: str
    period: str
    release_revision: int
    delivery_revision: int
    outcome: Outcome
    location: str
    manifest_sha256: str
    rows: int
    withheld: int


@dataclass(frozen=True)
class IndexRef:
    """A client's index, as it stands in the client's bucket."""

    client: str
    outcome: Outcome


@dataclass(frozen=True)
class ExpiryRef:
    """What an expiry has removed, in total."""

    outcome: Outcome
    periods: int
    """Whose keys were destroyed, and the last row under them."""
    files: int
    rows: int
    """Of subscribers who withdrew."""

    def __str__(self) -> str:
        return (
            f"{self.periods} period(s) expired, {self.files} file(s) removed, {self.rows} row(s) of those who withdrew"
        )
