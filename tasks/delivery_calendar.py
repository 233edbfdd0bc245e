"""The content of a client's index: every period it may expect by now, with its state and reason."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tasks.deliverable.index import IndexEntry, PeriodState, index
from tasks.errors import INTERRUPTED
from tasks.period import Cadence, Period, day_start
from tasks.products import registry
from tasks.products.spec import Product
from tasks.release import budgets, latest_of, privacy_cost
from tasks.store import CatalogStores
from tasks.store.client_spec import ClientSpec, Grant
from tasks.store.tables import ClientState, Delivery, DeliveryState, Release, ReleaseState, Run


def client_index(stores: CatalogStores, spec: ClientSpec, now: datetime, ended: ClientState | None = None) -> bytes:
    """index.json: every granted period whose deadline has passed, and all that was ever delivered.

    A period that was delivered under an earlier grant is due from its end. `ended`: nothing more is expected.
    """
    history = _ClientHistory.read(stores, spec.name)
    sent = {
        (delivery.product, Period.parse(delivery.period)): delivery
        for delivery in stores.catalog.deliveries(spec.name)
        if delivery.state is DeliveryState.DELIVERED
    }
    zone = stores.policy.policy.time.local
    earlier = {(name, period): day_start(period.end, zone).astimezone(zone) for name, period in sent}
    expected = {} if ended else deadlines(spec, zone, now)
    entries = []
    for (name, period), due in (earlier | expected).items():
        delivery = sent.get((name, period))
        if delivery or due <= now:
            version = delivery.version if delivery else registry.product(name).version
            state, reason = history.state(name, version, period, delivery)
            where = (delivery.path, delivery.manifest_sha256) if delivery else ()
            entries.append(IndexEntry(name, version, period, state, reason, due, *where))
    return index(spec.name, entries, stores.catalog.chain()[-1], ended)


def deadlines(spec: ClientSpec, zone: ZoneInfo, now: datetime) -> dict[tuple[str, Period], datetime]:
    """When each granted period that begins before now becomes late; nothing is expected of a product that is gone."""
    return {
        (grant.product, period): grant.expected_by(period, zone)
        for grant in spec.grants
        if registry.known(grant.product)
        for cadence in registry.product(grant.product).cadences
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
    deliveries: Mapping[tuple[str, int, str], Delivery]
    """The latest of each period, refused ones included."""
    runs: Mapping[tuple[str, str], Run]
    in_lake: frozenset[date]
    left: Mapping[str, int]
    """Ledger units that each charged month has left."""

    @classmethod
    def read(cls, stores: CatalogStores, client: str) -> "_ClientHistory":
        releases: dict[tuple[str, int, str], list[Release]] = defaultdict(list)
        for release in stores.ledger.releases():
            releases[release.product, release.version, release.period].append(release)
        sent = {(row.product, row.version, row.period): row for row in stores.catalog.deliveries(client)}
        days = frozenset(row.day for row in stores.catalog.days(date.min, date.max))
        left = {month.month: month.left for month in budgets(stores)}
        return cls(stores, client, releases, sent, stores.catalog.last_runs(), days, left)

    def state(self, name: str, version: int, period: Period, delivery: Delivery | None) -> tuple[PeriodState, str]:
        """The state of a product's period, and the reason."""
        release = latest_of(self.releases.get((name, version, str(period)), ()))
        if release and release.state is ReleaseState.RECALLED:
            return PeriodState.RECALLED, "This release was taken back: do not use it."
        if delivery:
            return PeriodState.DELIVERED, "Delivered."
        if release and release.state is ReleaseState.PUBLISHED:
            tried = self._failed(name, version, period)
            return PeriodState.LATE, "Writing to your bucket failed; we try again." if tried else "Ready, not sent yet."
        if self.in_lake.intersection(period.days) and self._not_allowed(registry.product(name), period):
            return PeriodState.WITHHELD, "Not published: our privacy policy does not allow this release."
        return PeriodState.LATE, "The network's data of this period have not arrived, or did not pass our checks."

    def _not_allowed(self, product: Product, period: Period) -> bool:
        """Whether the release was refused, or its months lack the budget, which does not depend on the data."""
        run = self.runs.get(("publish", f"{product.name} {period}"))
        asked = privacy_cost(product, period, self.stores.policy.policy).units
        short = any(self.left.get(month, asked) < asked for month in period.months)
        return short or (run is not None and run.outcome == "RefusedRelease")

    def _failed(self, name: str, version: int, period: Period) -> bool:
        """Whether the delivery failed; the current run has no end yet, but the delivery's state says so."""
        run = self.runs.get(("deliver", f"{self.client} {name} {period}"))
        delivery = self.deliveries.get((name, version, str(period)))
        refused = delivery is not None and delivery.state is DeliveryState.REFUSED
        return refused or (run is not None and run.exit_code not in (None, 0, INTERRUPTED))
