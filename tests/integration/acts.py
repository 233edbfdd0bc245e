"""What tests of the stores do, some of it in processes of its own."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tasks.errors import RefusedRelease
from tasks.store.audit import AuditEntry
from tasks.store.database import Database
from tasks.store.ledger import Ledger, ReleaseKey, ReservationFacts
from tasks.store.tables import Release

FACTS = ReservationFacts(
    rho="3/256",
    slot=datetime(2026, 3, 2, 6, tzinfo=UTC),
    policy_digest="p",
    zone_plan="z",
    generations={"2026-03-01": 1},
    digests={"allowed": "a"},
)


def key(number: int = 1) -> ReleaseKey:
    """The number-th release of the period."""
    return ReleaseKey("footfall", 1, "2026-03-01", number)


def audit(event: str = "release reserved") -> AuditEntry:
    """Some entry."""
    return AuditEntry("tester", event, "footfall/v1/2026-03-01/r1")


def reserve(
    ledger: Ledger, number: int, charges: Mapping[str, int], cap: int, keep_back: Mapping[str, int] | None = None
) -> Release:
    """Reserve the number-th release."""
    return ledger.reserve(key(number), charges, cap, FACTS, audit(), keep_back)


def reserve_in_process(url: str, number: int, charges: Mapping[str, int], cap: int) -> int | None:
    """Reserve from another process; the release's id, or None where it was refused."""
    try:
        return reserve(Ledger(Database(url)), number, charges, cap).id
    except RefusedRelease:
        return None
