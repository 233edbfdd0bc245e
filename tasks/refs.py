"""References that cross a task border: ids, dates, counts and digests; never a table or a row's value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

Listing = Mapping[str, tuple[int, int]]
"""Event files by name: size in bytes and time of change in nanoseconds."""


def release_id(product: str, version: int, period: object, revision: int) -> str:
    """The unique name of a release, such as `footfall/v3/2026-03-01/r1`."""
    return f"{product}/v{version}/{period}/r{revision}"


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
class EligibleRef:
    """A period's eligible list in the lake, and the keyed digest of the registers that it rests on."""

    period: str
    registers: str


@dataclass(frozen=True)
class ReleaseRef:
    """A release: its unique key and its digest."""

    product: str
    version: int
    period: str
    revision: int
    outcome: Outcome
    sha256: str
    rho: float
    missing_days: tuple[str, ...] = ()
    """Days of the period that the draw lacked."""
    stale: tuple[str, ...] = ()
    """What changed since the draw."""
    revision_rho: float | None = None
    """What a revision of a stale release would charge to each of its months."""

    def __str__(self) -> str:
        return release_id(self.product, self.version, self.period, self.revision)


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
    """A client's index in its bucket."""

    client: str
    outcome: Outcome


@dataclass(frozen=True)
class ExpiryRef:
    """The totals of an expiry."""

    outcome: Outcome
    periods: int
    """Periods whose keys and last rows were destroyed."""
    files: int
    rows: int
    """Rows of subscribers who withdrew."""

    def __str__(self) -> str:
        return (
            f"{self.periods} period(s) expired, {self.files} file(s) removed, {self.rows} row(s) of those who withdrew"
        )
