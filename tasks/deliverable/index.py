"""index.json: every period a client may expect, delivered or not, with a sentence why; the only file that changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tasks.deliverable.manifest import delivery_path
from tasks.deliverable.serial import to_json
from tasks.period import Period

INDEX = "index.json"
INDEX_FORMAT = 1


class State(StrEnum):
    """What became of an expected period."""

    DELIVERED = "delivered"
    LATE = "late"
    WITHHELD = "withheld"
    RECALLED = "recalled"


@dataclass(frozen=True)
class Delivered:
    """Where a delivery lies, and its manifest's SHA-256."""

    revision: int
    manifest_sha256: str


@dataclass(frozen=True)
class IndexEntry:
    """One period of one granted product."""

    product: str
    version: int
    period: Period
    state: State
    reason: str
    """One sentence."""
    expected_by: datetime
    """The local deadline, with its offset."""
    delivered: Delivered | None = None


def index(client: str, entries: Iterable[IndexEntry]) -> bytes:
    """The index in bytes; whatever the order of the entries."""
    ordered = sorted(entries, key=lambda entry: (entry.product, entry.version, entry.period))
    return to_json({"format": INDEX_FORMAT, "client": client, "periods": [_entry(entry) for entry in ordered]})


def _entry(entry: IndexEntry) -> dict[str, object]:
    period, sent = entry.period, entry.delivered
    path = (entry.product, entry.version, period.cadence.value, period.first)
    return {
        "product": entry.product,
        "version": entry.version,
        "cadence": period.cadence.value,
        "period": str(period),
        "state": entry.state.value,
        "reason": entry.reason,
        "expected_by": entry.expected_by.isoformat(timespec="seconds"),
        "path": delivery_path(*path, sent.revision) if sent else None,
        "digest": sent.manifest_sha256 if sent else None,
    }
