"""The delivery health of each client and product, by data period, never by run time."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tasks.delivery_calendar import deadlines
from tasks.period import Period, day_start
from tasks.store import CatalogStores
from tasks.store.client_spec import ClientSpec
from tasks.store.tables import Delivery, DeliveryState
from tasks.withheld import newest

JUDGED = 30
"""The number of latest deadlines in the share of deadlines met."""

Wanted = tuple[str, Period]
"""A product and a period."""


@dataclass(frozen=True)
class DeliveryHealth:
    """One product of one client: newest data, next deadline, late periods, and deadlines met.

    `late`: past its deadline, and can still be had. `lost`: past its deadline, and nothing is planned any more.
    """

    client: str
    product: str
    newest: str | None
    newest_end: datetime | None
    withheld: float | None
    """Share of the newest delivery's numbers that are withheld as too small."""
    next: str | None
    next_by: datetime | None
    late: tuple[str, ...]
    late_since: datetime | None
    lost: tuple[str, ...]
    judged: int
    """Deadlines judged: the latest ones since the client was applied."""
    missed: tuple[str, ...]
    """Periods among them that missed their deadline."""

    @property
    def met(self) -> int:
        """Deadlines met."""
        return self.judged - len(self.missed)


def delivery_health(
    stores: CatalogStores, late: Collection[tuple[str, str, str]], now: datetime
) -> Iterator[DeliveryHealth]:
    """Health of every client and product, by name; `late`: late periods that can still be delivered."""
    zone = stores.policy.policy.time.local
    latest = newest(stores.catalog.deliveries())
    for row in stores.catalog.active_clients():
        spec = ClientSpec.stored(row.spec)
        due, sent, promised = deadlines(spec, zone, now), _sent(stores, row.name), _promised(stores, row.name)
        for product in sorted({grant.product for grant in spec.grants} | {name for name, _ in sent}):
            own = {period: by for (name, period), by in sorted(due.items()) if name == product}
            got = {period: at for (name, period), at in sorted(sent.items()) if name == product}
            waited = {period for client, name, period in late if (client, name) == (row.name, product)}
            yield _health(row.name, product, own, got, waited, promised, latest.get((row.name, product)), zone, now)


def _health(
    client: str,
    product: str,
    due: Mapping[Period, datetime],
    sent: Mapping[Period, datetime | None],
    waited: Collection[str],
    promised: datetime | None,
    latest: Delivery | None,
    zone: ZoneInfo,
    now: datetime,
) -> DeliveryHealth:
    """Of one product; deadlines before the client was applied do not count."""
    last = max(sent, key=lambda period: period.end, default=None)
    ahead = next(((str(period), by) for period, by in due.items() if by > now and period not in sent), (None, None))
    over = [period for period, by in due.items() if by <= now]
    judged = [period for period in over if due[period] >= (promised or due[period])][-JUDGED:]
    return DeliveryHealth(
        client=client,
        product=product,
        newest=str(last) if last else None,
        newest_end=day_start(last.end, zone) if last else None,
        withheld=latest.withheld / latest.rows if latest and latest.rows else None,
        next=ahead[0],
        next_by=ahead[1],
        late=tuple(sorted(waited)),
        late_since=min((by for period, by in due.items() if str(period) in waited), default=None),
        lost=tuple(str(period) for period in over if period not in sent and str(period) not in waited),
        judged=len(judged),
        missed=tuple(str(period) for period in judged if (at := sent.get(period)) is None or at > due[period]),
    )


def _sent(stores: CatalogStores, client: str) -> dict[Wanted, datetime | None]:
    """When each period was first delivered."""
    sent: dict[Wanted, datetime | None] = {}
    for row in stores.catalog.deliveries(client):  # by revision: the first one counts
        if row.state is DeliveryState.DELIVERED:
            sent.setdefault((row.product, Period.parse(row.period)), row.delivered_at)
    return sent


def _promised(stores: CatalogStores, client: str) -> datetime | None:
    """When the client was first applied."""
    return next((entry.at for entry in stores.audit.entries(client) if entry.event == "client applied"), None)
