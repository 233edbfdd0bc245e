"""The facts of a client's index: every period it may expect by now with its cause of silence, and all deliveries."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tasks.deliverable.index import Cause, IndexDelivery, IndexPeriod, index_facts
from tasks.delta_tables import delta_facts
from tasks.errors import INTERRUPTED
from tasks.period import Cadence, Period, day_start
from tasks.products import registry
from tasks.products.spec import Product
from tasks.release import budgets, latest_of, privacy_cost
from tasks.store import CatalogStores
from tasks.store.client_spec import ClientSpec, Grant
from tasks.store.tables import ClientState, DayState, Delivery, DeliveryState, Release, ReleaseState, Run


def client_facts(
    stores: CatalogStores, spec: ClientSpec, now: datetime, ended: ClientState | None = None
) -> dict[str, Any]:
    """Facts of index.json: every granted period whose deadline has passed, and all that was ever delivered.

    A period that was delivered under an earlier grant is due from its end. `ended`: nothing more is expected.
    """
    history = _ClientHistory.read(stores, spec.name)
    zone = stores.policy.policy.time.local
    earlier = {(name, period): day_start(period.end, zone).astimezone(zone) for name, period in history.sent}
    expected = {} if ended else deadlines(spec, zone, now)
    periods = [
        history.period(name, period, due)
        for (name, period), due in (earlier | expected).items()
        if due <= now or (name, period) in history.sent
    ]
    publisher, ledger = stores.policy.policy.publisher.model_dump(), stores.catalog.chain()[-1]
    delta = delta_facts(stores.catalog, spec.name)
    return index_facts(spec.name, periods, history.deliveries(), publisher, ledger, ended, delta)


def deadlines(spec: ClientSpec, zone: ZoneInfo, now: datetime) -> dict[tuple[str, Period], datetime]:
    """When each granted period that begins before now becomes late; nothing is expected of a product that is gone."""
    return {
        (grant.product, period): grant.expected_by(period, zone)
        for grant in spec.grants
        for part in registry.parts(grant.product)
        for cadence in part.cadences
        for period in _periods(grant, cadence, now)
    }


def _periods(grant: Grant, cadence: Cadence, now: datetime) -> Iterator[Period]:
    """Granted periods that begin before now."""
    period = Period.holding(cadence, grant.since)
    last = min(grant.until or now.date(), now.date() + timedelta(days=1))
    while period.first <= last:
        if grant.covers(period):
            yield period
        period = Period.holding(cadence, period.end)


@dataclass(frozen=True)
class _ClientHistory:
    """Releases, deliveries and runs of a client's periods, read once for all periods."""

    stores: CatalogStores
    client: str
    releases: Mapping[tuple[str, int, str], list[Release]]
    written: tuple[Delivery, ...]
    """All that the bucket once held whole."""
    tried: Mapping[tuple[str, int, str], Delivery]
    """The latest of each period, refused ones included."""
    runs: Mapping[tuple[str, str], Run]
    days: Mapping[date, frozenset[DayState]]
    """The states of each day's generations."""
    left: Mapping[str, int]
    """Ledger units that each charged month has left."""

    @classmethod
    def read(cls, stores: CatalogStores, client: str) -> "_ClientHistory":
        releases: dict[tuple[str, int, str], list[Release]] = defaultdict(list)
        for release in stores.ledger.releases():
            releases[release.product, release.version, release.period].append(release)
        rows = stores.catalog.deliveries(client)
        tried = {(row.product, row.version, row.period): row for row in rows}
        days: dict[date, frozenset[DayState]] = defaultdict(frozenset)
        for generation in stores.catalog.generations():
            days[generation.day] |= {generation.state}
        left = {month.month: month.left for month in budgets(stores)}
        written = tuple(row for row in rows if row.delivered_at)
        return cls(stores, client, releases, written, tried, stores.catalog.last_runs(), days, left)

    @cached_property
    def sent(self) -> Mapping[tuple[str, Period], Delivery]:
        """The latest delivery of each period that the bucket once held whole."""
        return {(row.product, Period.parse(row.period)): row for row in self.written}

    def deliveries(self) -> Iterator[IndexDelivery]:
        """Every delivery that was written, with its state now."""
        for row in self.written:
            release = self._release(row)
            yield IndexDelivery(
                product=row.product,
                version=row.version,
                period=Period.parse(row.period),
                revision=row.revision,
                release_revision=row.release_revision,
                state=self._state(row),
                reason=row.reason,
                published_at=row.delivered_at or release.slot,
                rows=row.rows,
                bytes=row.bytes,
                zone_plan=release.zone_plan,
                path=row.path,
                digest=row.manifest_sha256,
            )

    def _state(self, row: Delivery) -> str:
        if self._release(row).state is ReleaseState.RECALLED:
            return "recalled"
        return "current" if self.sent[row.product, Period.parse(row.period)] is row else "superseded"

    def _release(self, row: Delivery) -> Release:
        found = self.releases[row.product, row.version, row.period]
        return next(release for release in found if release.revision == row.release_revision)

    def period(self, name: str, period: Period, due: datetime) -> IndexPeriod:
        """The entry of a product's period."""
        row = self.sent.get((name, period))
        version = row.version if row else registry.product(name, period.cadence).version
        cause = self._cause(name, version, period)
        named = row is not None and (cause is None or self._state(row) == cause)
        where = (row.path, row.manifest_sha256) if row and named else ()
        return IndexPeriod(name, version, period, cause, due, *where)

    def _cause(self, name: str, version: int, period: Period) -> Cause | None:
        release = latest_of(self.releases.get((name, version, str(period)), ()))
        delivery = self.sent.get((name, period))
        if release and release.state is ReleaseState.RECALLED:
            return Cause.RECALLED
        if delivery and delivery.state is DeliveryState.DELIVERED:
            return None
        if release and release.state is ReleaseState.PUBLISHED:
            return Cause.BUCKET_REFUSED if self._failed(name, version, period) else Cause.NOT_SENT
        return self._unpublished(registry.product(name, period.cadence), period)

    def _unpublished(self, product: Product, period: Period) -> Cause:
        """Why there is no release; whether a day was accepted is public, how it was judged is not."""
        accepted = [day for day in period.days if DayState.CURRENT in self.days[day]]
        run = self.runs.get(("publish", f"{product.name} {period}"))
        asked = privacy_cost(product, period, self.stores.policy.policy).units
        if accepted and any(self.left.get(month, asked) < asked for month in period.months):
            return Cause.PRIVACY_BUDGET
        if accepted and run is not None and run.outcome == "RefusedRelease":
            return Cause.RELEASE_REFUSED
        if any(self._rejected(day) for day in set(period.days) - {*accepted}):
            return Cause.DATA_REJECTED
        return Cause.NOT_PUBLISHED if len(accepted) == len(period.days) else Cause.DATA_NOT_ARRIVED

    def _rejected(self, day: date) -> bool:
        """Whether a day that does not count arrived: by its generations, or by a run that ended before it had one."""
        run = self.runs.get(("ingest", str(day)))
        return DayState.REJECTED in self.days[day] or (run is not None and run.outcome == "RejectedInput")

    def _failed(self, name: str, version: int, period: Period) -> bool:
        """Whether the delivery failed; the current run has no end yet, but the delivery's state says so."""
        run = self.runs.get(("deliver", f"{self.client} {name} {period}"))
        delivery = self.tried.get((name, version, str(period)))
        refused = delivery is not None and delivery.state is DeliveryState.REFUSED
        return refused or (run is not None and run.exit_code not in (None, 0, INTERRUPTED))
