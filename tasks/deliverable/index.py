"""index.json: state and reason of every period that a client may expect. The only file that changes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tasks.deliverable.serialisation import to_json
from tasks.deliverable.untrusted_reader import Digest, RelativePath, UntrustedDocument, Word, parse, refuse
from tasks.errors import shown
from tasks.period import Period

INDEX = "index.json"
INDEX_FORMAT = 1


class PeriodState(StrEnum):
    """State of an expected period."""

    DELIVERED = "delivered"
    LATE = "late"
    WITHHELD = "withheld"
    RECALLED = "recalled"


class IndexPeriod(UntrustedDocument):
    """A period as the index states it."""

    product: Word
    version: int
    period: Word
    state: Annotated[PeriodState, Field(strict=False)]
    path: RelativePath | None
    digest: Digest | None


class Index(UntrustedDocument):
    """The part of an index that Throng relies on."""

    format: Literal[1]
    ledger: Digest | None = None
    """Digest of the ledger that wrote it."""
    periods: list[IndexPeriod]


@dataclass(frozen=True)
class IndexEntry:
    """One period of one granted product."""

    product: str
    version: int
    period: Period
    state: PeriodState
    reason: str
    """One sentence."""
    expected_by: datetime
    """The local deadline, with its offset."""
    path: str | None = None
    """The delivery's folder, where there is one."""
    digest: str | None = None
    """Its manifest's SHA-256."""


def index(client: str, entries: Iterable[IndexEntry], ledger: str, ended: str | None = None) -> bytes:
    """The index in bytes, entries in any order. `ledger`: digest of all that was delivered until now.

    `ended`: the state of a client that receives nothing any more.
    """
    ordered = sorted(entries, key=lambda entry: (entry.product, entry.version, entry.period))
    periods = [_entry(entry) for entry in ordered]
    state = {"client_state": ended} if ended else {}
    return to_json({"format": INDEX_FORMAT, "client": client, **state, "ledger": ledger, "periods": periods})


def check_ledger(content: bytes, location: str, chain: Collection[str], manifests: Collection[str]) -> None:
    """Raise RefusedDelivery if another ledger wrote the bucket's index.

    `chain`: every digest that this ledger has written as its own; `manifests`: digests of all that it has delivered.
    """
    found = parse(content, Index, INDEX)
    unknown = [entry.period for entry in found.periods if entry.digest and entry.digest not in manifests]
    if unknown:
        what = f"names a delivery of {shown(unknown[0])} that this installation has not made"
    elif found.ledger is not None and found.ledger not in chain:
        what = "was written by an installation that has delivered something else"
    else:
        return
    refuse(
        f"{location}: {INDEX} {what}: nothing was written.",
        "index.other_installation",
        "Find the other copy of this installation that delivers here, stop one of the two for good, and tell the "
        "privacy officer. If this one was restored from a backup, restore a newer one.",
    )


def _entry(entry: IndexEntry) -> dict[str, object]:
    return {
        **vars(entry),
        "cadence": entry.period.cadence.value,
        "period": str(entry.period),
        "expected_by": entry.expected_by.isoformat(timespec="seconds"),
    }
