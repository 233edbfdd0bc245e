"""An installation of its own for each test, driven by the verbs themselves, under noise that tests can read through."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.ingest import Ingest
from tasks.privacy.bounds import Integers
from tasks.refs import DayRef, ReleaseRef
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey
from tests.plain_validator import plain
from tests.promise.landing import write_network
from tests.publisher import publisher

ZONE, DISTRICT = 9_000, 1_000
"""What is added to every zone and to every demographic cell: 2 zones and 18 cells of a district still agree."""


class Above:
    """No noise, but every value is far above its threshold, so that none is withheld."""

    def draw(self, sigma: Decimal, unit: int, size: int) -> Integers:
        return np.full(size, (ZONE if sigma == 32 else DISTRICT) * unit, dtype=np.int64)


@dataclass
class Way:
    """Landing and home; `now` is the clock of the verbs."""

    root: Path
    now: datetime = field(default=datetime(2026, 4, 20, tzinfo=UTC))

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def begin_as(self, other: "Way") -> "Way":
        """Take over what another installation has by now; its clock too."""
        shutil.copytree(other.root, self.root, dirs_exist_ok=True)
        self.now = other.now
        return self

    def stores(self, **places: object) -> Stores:
        given = {"home": self.root / "home", "landing": str(self.landing), **places}
        return open_stores(Settings(**given))  # type: ignore[arg-type]

    def ingest(self, day: date, *overrides: str, again: bool = False, **places: object) -> DayRef:
        stores = self.stores(**places)
        reason = stores.audit.write(AuditEntry.by_user("override", str(day), "a test")) if overrides else None
        return Ingest(stores, Above(), lambda: self.now, validator=plain)(day, overrides, reason, again)

    def publish(self, product: str, period: str, **places: object) -> ReleaseRef:
        return publisher(self.stores(**places), Above(), lambda: self.now)(product, period)

    def table(self, ref: ReleaseRef) -> pa.Table:
        key = ReleaseKey(ref.product, ref.version, ref.period, ref.revision)
        return self.stores().lake.release(key, ref.sha256).table

    def persons(self, day: date) -> list[int]:
        """Persons in all zones by hour, as a day's release counts them without noise."""
        sums: dict[datetime, float] = {}
        for row in self.table(self.publish("footfall", str(day))).to_pylist():
            if row["level"] == "zone_hour":
                sums[row["hour_start"]] = sums.get(row["hour_start"], 0.0) + row["value"] - ZONE
        return [round(sums[hour]) for hour in sorted(sums)]

    def panel(self, month: str) -> dict[str, int]:
        """Persons by home district, as a month's panel counts them without noise."""
        sums: dict[str, float] = {}
        for row in self.table(self.publish("panel", month)).to_pylist():
            sums[row["district_id"]] = sums.get(row["district_id"], 0.0) + row["value"] - DISTRICT
        return {district: round(persons) for district, persons in sums.items()}


@contextmanager
def installation(root: Path) -> Iterator[Way]:
    """An empty installation whose landing has a network and nobody in it, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("HOME", "LANDING", "LAKE", "DATABASE_URL", "POLICY", "ENGINE", "MEMORY_LIMIT"):
            patch.delenv(f"THRONG_{name}", raising=False)
        write_network(root / "landing")
        yield Way(root)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    """An empty installation of the test's own."""
    with installation(tmp_path) as way:
        yield way
