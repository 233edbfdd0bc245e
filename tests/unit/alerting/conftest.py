"""Stores of a city that receives footfall from 2 March 2026 on, filled as the verbs fill them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tasks.alerts import Alert, alerts
from tasks.period import Period
from tasks.plan import Plan, daily_plan
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.spec import Product
from tasks.release import privacy_cost, scheduled_at
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict
from tasks.store.client_spec import ClientSpec
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tasks.store.tables import Delivery, DeliveryState
from tests.unit.store.drawn import drawn

FIRST = date(2026, 3, 2)
NOON = datetime(2026, 3, 4, 11, tzinfo=UTC)
"""12:00 in Berlin: the folders of 2 and 3 March are closed, and 09:00 has passed."""

CLIENT = {
    "client": {"name": "nordmarkt", "contact": "data@nordmarkt.example"},
    "destination": {"bucket": "nordmarkt-insights", "prefix": "throng", "region": "eu-central-1"},
    "grants": [
        {"product": "footfall", "zones": ["*"], "from": str(FIRST), "formats": ["parquet"], "deliver_by": "09:00"}
    ],
}


@dataclass(frozen=True)
class Books:
    """What the verbs leave behind, without their work."""

    stores: Stores

    def land(self, day: date = FIRST) -> None:
        """One event file of a day."""
        folder = self.stores.settings.landing_root / "events" / f"date={day}"
        folder.mkdir(parents=True)
        (folder / "part-0.csv").write_text("rows")

    def ingest(self, day: date = FIRST, gate: tuple[Mapping[str, object], ...] = ()) -> None:
        """A day in the lake."""
        root = self.stores.settings.landing_root
        files = {str(p.relative_to(root)): (p.stat().st_size, p.stat().st_mtime_ns) for p in root.glob("events/*/*")}
        inputs = DayInputs("landing", "zones", "cells", "policy")
        generation = self.stores.catalog.begin_day(day, inputs, files)
        verdict = Verdict(10, 7, {}, gate, 1)
        self.stores.catalog.accept_day(day, generation, verdict, AuditEntry("me", "day accepted", str(day)))

    def publish(self, day: date = FIRST, product: Product = FOOTFALL, draws: int = 1) -> None:
        """A release of a day."""
        period, policy = Period.day(day), self.stores.policy.policy
        cost = privacy_cost(product, period, policy)
        key = ReleaseKey(product.name, product.version, str(day), 1)
        facts = ReservationFacts(str(cost.exact), scheduled_at(period, policy), "policy", "zones", {str(day): 1})
        self.charge(key, cost.units, facts)
        for _ in range(draws):
            self.stores.ledger.intend_draw(key, AuditEntry("me", "draw intended", str(key)))
        sha256 = self.stores.lake.stage_release(key, drawn(), {})
        self.stores.ledger.stage(key, sha256, _entry(key))
        self.stores.lake.publish_release(key, sha256)
        self.stores.ledger.publish(key, _entry(key))

    def charge(self, key: ReleaseKey, units: int, facts: ReservationFacts) -> None:
        """A charge in the month of the key's period."""
        self.stores.ledger.reserve(
            key, dict.fromkeys(Period.parse(key.period).months, units), 10**12, facts, _entry(key)
        )

    def deliver(self, day: date = FIRST) -> None:
        """A delivery of a day's release."""
        delivery = Delivery(
            client="nordmarkt", product="footfall", version=3, period=str(day), revision=1, release_revision=1,
            inputs_digest="i", state=DeliveryState.DELIVERED, manifest_sha256="m", path="throng", rows=5, withheld=0,
        )  # fmt: skip
        self.stores.catalog.record_rendered(delivery, AuditEntry("me", "rendered", str(day)))

    def plan(self, now: datetime = NOON) -> Plan:
        """The schedule's plan."""
        return daily_plan(self.stores, now)

    def told(self, now: datetime = NOON) -> list[Alert]:
        """What somebody must be told."""
        return alerts(self.stores, self.plan(now), now)

    def kinds(self, now: datetime = NOON) -> list[tuple[str, str]]:
        """Of which kind, about what."""
        return [(alert.kind, alert.subject) for alert in self.told(now)]


def _entry(key: ReleaseKey) -> AuditEntry:
    return AuditEntry("me", "act", str(key))


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """A home with one client, and a landing without events."""
    (tmp_path / "landing").mkdir()
    stores = open_stores(Settings(home=tmp_path / "home", landing=str(tmp_path / "landing"), _env_file=None))
    spec = ClientSpec.stored(CLIENT)
    stored = spec.model_dump(mode="json", by_alias=True)
    stores.catalog.apply_client("nordmarkt", stored, "digest", AuditEntry("me", "client applied", "nordmarkt"))
    return Books(stores)


def days_on(at: datetime, days: float) -> datetime:
    """So many days later."""
    return at + timedelta(days=days)
