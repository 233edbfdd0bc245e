"""What tests of the stores do, some of it in processes of its own."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import RefusedRelease
from tasks.settings import Settings
from tasks.store import open_stores
from tasks.store.audit import AuditEntry
from tasks.store.database import Database
from tasks.store.lake import Lake
from tasks.store.ledger import Ledger, ReleaseKey, ReservationFacts
from tasks.store.locks import Locks
from tasks.store.tables import Release, ReleaseState
from tests.unit.store.drawn import drawn

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
    return ReleaseKey("footfall", 3, "2026-03-01", number)


def audit(event: str = "release reserved") -> AuditEntry:
    """Some entry."""
    return AuditEntry("tester", event, "footfall/v3/2026-03-01/r1")


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


def open_in_process(home: str, url: str) -> str:
    """Open all stores of a home; the installation's id."""
    return open_stores(Settings(home=Path(home), database_url=url)).installation.id


def count_in_process(url: str, file: str) -> None:
    """Read a number, and write the next one, under a lock."""
    with Locks(Database(url)).hold("release footfall/v3/2026-03-01"):
        number = int(Path(file).read_text())
        time.sleep(0.02)
        Path(file).write_text(str(number + 1))


def publish(database: Database, lake: Lake) -> str:
    """A publication as the verb does it, in the verb's order; the release's sha256."""
    ledger = Ledger(database)
    release = reserve(ledger, 1, {"2026-03": 60, "2026-04": 60}, 100)
    if release.state is not ReleaseState.PUBLISHED:
        sha256 = lake.staged(key())
        if sha256 is None:
            ledger.intend_draw(key(), audit("draw intended"))
            sha256 = lake.stage_release(key(), drawn(), {})
        ledger.stage(key(), sha256, audit("release staged"))
        lake.publish_release(key(), sha256)
        release = ledger.publish(key(), audit("release published"))
    assert release.sha256
    return release.sha256
