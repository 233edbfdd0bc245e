"""A world to plan in: landing folders of empty files, and books filled through the stores, as verbs fill them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlmodel import col, select

from tasks.errors import StepFailed
from tasks.events.landing import find_day
from tasks.events.late_arrivals import listing_of
from tasks.period import Cadence, Period
from tasks.plan import Mode, Plan, make_plan
from tasks.privacy.accounting import cap_units
from tasks.products import registry
from tasks.products.gate_profile import PRODUCT as GATE_PROFILE
from tasks.release import privacy_cost, scheduled_at
from tasks.settings import Settings
from tasks.store import Stores, open_stores
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict
from tasks.store.client_file import parse_client
from tasks.store.database import Database
from tasks.store.lake import DeliveryKey
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tasks.store.tables import Delivery, DeliveryState, Release, ReleaseState

CLIENT = """[client]
name = "{name}"
contact = "data@{name}.example"
[destination]
bucket = "{name}-insights"
prefix = "throng"
region = "eu-central-1"
[[grants]]
product = "footfall"
zones = ["*"]
from = {since}
formats = ["parquet"]
deliver_by = "09:00"
"""
AUDIT = AuditEntry.by_user("test", "world")


@dataclass(frozen=True)
class World:
    """Stores and a landing, and short words for what may have happened to them."""

    stores: Stores

    @classmethod
    def new(cls, folder: Path, url: str | None = None, policy: Path | None = None) -> "World":
        (folder / "landing" / "events").mkdir(parents=True)
        stores = open_stores(
            Settings(home=folder / "home", landing=str(folder / "landing"), database_url=url, policy=policy)
        )
        if not url:  # nobody cuts the power here, and a year of books waits for the disk longer than for all else
            engine = stores.ledger._database.engine
            event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA synchronous = OFF"))
        return cls(stores)

    def client(self, name: str, since: date) -> None:
        spec = parse_client(CLIENT.format(name=name, since=since), name, ["footfall"], ["parquet"])
        self.stores.catalog.apply_client(name, spec.model_dump(mode="json", by_alias=True), str(since), AUDIT)

    def file(self, day: date, name: str = "a.csv", size: int = 10) -> Path:
        folder = self.stores.settings.landing_root / "events" / f"date={day}"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x" * size)
        os.utime(folder / name, (1, 1))
        return folder / name

    def begun(self, day: date) -> int:
        far = datetime.combine(day + timedelta(days=9), datetime.min.time(), UTC)
        landing = find_day(self.stores.settings.landing_root, day, self.stores.policy.policy.time, far)
        digest = self.stores.digest_key.digest(landing.digest.encode())
        inputs = DayInputs(digest, "zones", "cells", self.stores.policy.digest)
        return self.stores.catalog.begin_day(day, inputs, listing_of(landing.files))

    def ingested(self, day: date) -> int:
        number = self.begun(day)
        for cadence in Cadence:
            self.stores.pseudonym_keys.key(Period.holding(cadence, day))
            self.stores.data_keys.key(Period.holding(cadence, day))
        self.stores.catalog.accept_day(day, number, Verdict(100, 90, {}, [], None), AUDIT)
        return number

    def rejected(self, day: date) -> None:
        self.stores.catalog.reject_day(day, self.begun(day), Verdict(100, 90, {}, [], None), AUDIT)
        self.failed("ingest", str(day), "Too few rows.")

    def profiled(self, day: date) -> None:
        """Charge a profile of the landing as it was when the day was last begun."""
        (*_, row) = self.stores.catalog.generations(day)
        self.released(GATE_PROFILE.name, Period.day(day), digests={"landing": row.landing_digest})

    def failed(self, verb: str, subject: str, why: str = "It broke.") -> None:
        with suppress(StepFailed), self.stores.catalog.run(verb, subject):
            raise StepFailed(why, "Try again.")

    def succeeded(self, verb: str, subject: str) -> None:
        with self.stores.catalog.run(verb, subject) as run:
            run.outcome = "Done"

    def released(
        self,
        product: str,
        period: Period,
        state: ReleaseState = ReleaseState.PUBLISHED,
        digests: Mapping[str, str] | None = None,
    ) -> ReleaseKey:
        """Charge a release of the days that are in the lake now, and bring it to the state."""
        made, policy, ledger = registry.product(product, period.cadence), self.stores.policy.policy, self.stores.ledger
        before = ledger.find(product, made.version, str(period))
        key = ReleaseKey(product, made.version, str(period), before.revision + 1 if before else 1)
        days = {str(row.day): row.generation for row in self.stores.catalog.days(period.first, period.days[-1])}
        cost = privacy_cost(made, period, policy)
        facts = ReservationFacts(
            str(cost.exact), scheduled_at(period, policy), self.stores.policy.digest, "zones", days, digests or {}
        )
        ledger.reserve(key, dict.fromkeys(period.months, cost.units), cap_units(policy.budget.cap), facts, AUDIT)
        if state is not ReleaseState.RESERVED:
            ledger.intend_draw(key, AUDIT)
            ledger.stage(key, "abc", AUDIT)
        if state in (ReleaseState.PUBLISHED, ReleaseState.RECALLED):
            ledger.publish(key, AUDIT)
        if state is ReleaseState.RECALLED:
            self._recalled(key)
        return key

    def _recalled(self, key: ReleaseKey) -> None:
        """By hand: there is no verb yet that takes a release back."""
        with Database(self.stores.settings.database).writing() as session:
            query = select(Release).where(*(col(getattr(Release, name)) == value for name, value in vars(key).items()))
            session.exec(query).one().state = ReleaseState.RECALLED

    def delivered(
        self,
        client: str,
        release: ReleaseKey,
        state: DeliveryState = DeliveryState.DELIVERED,
        revision: int = 1,
        at: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        key = DeliveryKey(client, release.product, release.version, release.period, revision)
        row = Delivery(
            **vars(key),
            release_revision=release.revision,
            inputs_digest="inputs",
            state=DeliveryState.RENDERED,
            manifest_sha256="abc",
            path="path",
            rows=7,
            withheld=0,
        )
        self.stores.catalog.record_rendered(row, AUDIT)
        if state is DeliveryState.DELIVERED:
            self.stores.catalog.mark_delivered(key, at, AUDIT)
        if state is DeliveryState.REFUSED:
            self.stores.catalog.mark_refused(key, "The bucket is gone.", AUDIT)

    def spend_all_but(self, month: str, rho: Fraction) -> None:
        """Leave so much of a month's budget, by one charge."""
        cap = cap_units(self.stores.policy.policy.budget.cap)
        facts = ReservationFacts("1", datetime(2026, 1, 1, tzinfo=UTC), "policy", "zones", {})
        spent = sum(row.spent for row in self.stores.ledger.months() if row.month == month)
        units = {month: cap - spent - int(rho * 10**12)}
        self.stores.ledger.reserve(ReleaseKey("other", 1, month, 1), units, cap, facts, AUDIT)

    def plan(self, first: date, last: date, now: datetime, mode: Mode = Mode.MISSING, **only: Any) -> Plan:
        return make_plan(self.stores, first, last, now, mode, **only)


def noon(day: date) -> datetime:
    """Noon UTC."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
