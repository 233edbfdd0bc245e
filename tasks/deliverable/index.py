"""index.json: state and cause of every period that a client may expect, and every delivery. The only file that changes.

Its facts are a function of the catalog; sequence, time, predecessor and signature are those of one issue of them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tasks.deliverable.serialisation import instant
from tasks.deliverable.signature import signed
from tasks.deliverable.verifier.index_history import INDEX, INDEX_SHAPE
from tasks.deliverable.verifier.signatures import Keys, check_envelope
from tasks.deliverable.verifier.untrusted import VerificationError, parse
from tasks.deliverable.verify import translated
from tasks.errors import RefusedDelivery, shown
from tasks.period import Period

INDEX_FORMAT = 2
ISSUE = ("sequence", "issued_at", "previous", "signatures")
"""Members that belong to an issue and not to the facts."""


class PeriodState(StrEnum):
    """State of an expected period."""

    DELIVERED = "delivered"
    LATE = "late"
    WITHHELD = "withheld"
    RECALLED = "recalled"


class Cause(StrEnum):
    """Why a period has no delivery that may be used: exactly one cause of silence."""

    DATA_NOT_ARRIVED = "data_not_arrived"
    DATA_REJECTED = "data_rejected"
    NOT_PUBLISHED = "not_published"
    PRIVACY_BUDGET = "privacy_budget"
    RELEASE_REFUSED = "release_refused"
    NOT_SENT = "not_sent"
    BUCKET_REFUSED = "bucket_refused"
    RECALLED = "recalled"


CAUSES: Mapping[Cause | None, tuple[PeriodState, str]] = {
    None: (PeriodState.DELIVERED, "Delivered."),
    Cause.DATA_NOT_ARRIVED: (PeriodState.LATE, "The network's data of this period have not arrived."),
    Cause.DATA_REJECTED: (PeriodState.LATE, "The network's data of this period did not pass our checks."),
    Cause.NOT_PUBLISHED: (PeriodState.LATE, "The network's data of this period are here; nothing is published yet."),
    Cause.PRIVACY_BUDGET: (PeriodState.WITHHELD, "Not published: it would exceed the month's limit of privacy cost."),
    Cause.RELEASE_REFUSED: (PeriodState.WITHHELD, "Not published: our privacy policy does not allow this release."),
    Cause.NOT_SENT: (PeriodState.LATE, "Ready, not sent yet."),
    Cause.BUCKET_REFUSED: (PeriodState.LATE, "Writing to your bucket failed; we try again."),
    Cause.RECALLED: (PeriodState.RECALLED, "This release was taken back: do not use it."),
}
"""Of each cause, the state of the period and one sentence. Neither says which rule or number decided."""


@dataclass(frozen=True)
class IndexPeriod:
    """One period of one granted product."""

    product: str
    version: int
    period: Period
    cause: Cause | None
    """None: it is delivered."""
    expected_by: datetime
    """The local deadline, with its offset."""
    path: str | None = None
    """The delivery's folder, where there is one."""
    digest: str | None = None
    """Its manifest's SHA-256."""


@dataclass(frozen=True)
class IndexDelivery:
    """One delivery that was written to the client's bucket."""

    product: str
    version: int
    period: Period
    revision: int
    release_revision: int
    state: str
    """`current`, `superseded` or `recalled`."""
    reason: str
    """Code of why the revision exists."""
    published_at: datetime
    rows: int
    bytes: int | None
    zone_plan: str
    path: str
    digest: str


def index_facts(
    client: str,
    periods: Iterable[IndexPeriod],
    deliveries: Iterable[IndexDelivery],
    publisher: Mapping[str, str | None],
    ledger: str,
    ended: str | None = None,
    delta: Collection[Mapping[str, object]] = (),
) -> dict[str, Any]:
    """What an index says, entries in any order. `ledger`: digest of all that was delivered until now.

    `ended`: the state of a client that receives nothing any more; `delta`: its Delta tables.
    """
    return {
        "format": INDEX_FORMAT,
        "client": client,
        **({"client_state": ended} if ended else {}),
        "publisher": dict(publisher),
        "ledger": ledger,
        "periods": [_period(each) for each in sorted(periods, key=lambda one: (one.product, one.version, one.period))],
        "deliveries": [
            {**vars(each), **_of(each.period), "published_at": instant(each.published_at)}
            for each in sorted(deliveries, key=lambda one: (one.product, one.version, one.period, one.revision))
        ],
        "delta": list(delta),
    }


def _period(entry: IndexPeriod) -> dict[str, object]:
    state, reason = CAUSES[entry.cause]
    due = entry.expected_by.isoformat(timespec="seconds")
    return {**vars(entry), **_of(entry.period), "state": state, "reason": reason, "expected_by": due}


def _of(period: Period) -> dict[str, str]:
    return {"cadence": period.cadence.value, "period": str(period)}


def issue(facts: Mapping[str, Any], sequence: int, previous: str | None, at: datetime, key: bytes) -> bytes:
    """The index in bytes; `previous`: the SHA-256 of the one before; `key`: the raw private key that signs it."""
    return signed({**facts, "sequence": sequence, "issued_at": instant(at), "previous": previous}, key)


def facts_of(content: bytes) -> dict[str, Any]:
    """The facts of an index that Throng issued; raises RefusedDelivery for what is none."""
    with translated():
        document = parse(content, INDEX_SHAPE, INDEX)
    return {name: value for name, value in document.items() if name not in ISSUE}


def own_sequence(content: bytes, client: str, keys: Keys) -> int:
    """The sequence of a client's index that one of these keys signed; 0 for every other one."""
    try:
        document = parse(content, INDEX_SHAPE, INDEX)
        check_envelope(document, content, keys, INDEX)
    except VerificationError:
        return 0
    return int(document["sequence"]) if document["client"] == client else 0


def check_ledger(
    content: bytes, client: str, location: str, chain: Collection[str], manifests: Collection[str]
) -> None:
    """Raise RefusedDelivery if another ledger wrote the bucket's index, or this one for another client.

    `chain`: every digest that this ledger has written as its own; `manifests`: digests of all that it has delivered.
    """
    found = facts_of(content)
    if found["client"] != client:
        raise RefusedDelivery(
            f"{location}: {INDEX} is of client '{shown(found['client'])}', not of '{client}': nothing was written.",
            "Give each client a bucket or prefix that no client had before.",
            "index.folder_shared",
        )
    unknown = [entry["period"] for entry in found["deliveries"] if entry["digest"] not in manifests]
    if unknown:
        what = f"names a delivery of {shown(unknown[0])} that this installation has not made"
    elif found["ledger"] not in chain:
        what = "was written by an installation that has delivered something else"
    else:
        return
    raise RefusedDelivery(
        f"{location}: {INDEX} {what}: nothing was written.",
        "Find the other copy of this installation that delivers here, stop one of the two for good, and tell the "
        "privacy officer. If this one was restored from a backup, restore a newer one.",
        "index.other_installation",
    )
