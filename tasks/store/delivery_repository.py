"""Deliveries in the catalog."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from tasks.errors import StepFailed
from tasks.store.audit import AuditEntry, record
from tasks.store.database import Repository
from tasks.store.delivery_store import DeliveryKey
from tasks.store.event_log import release_lineage
from tasks.store.tables import Delivery, DeliveryState, InstallationRow, Release

DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.RENDERED: frozenset({DeliveryState.DELIVERED, DeliveryState.REFUSED}),
    DeliveryState.REFUSED: frozenset({DeliveryState.DELIVERED, DeliveryState.REFUSED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.DELIVERED, DeliveryState.REFUSED}),
}
"""What may follow what: a delivery is sent again as often as needed, always the same bytes."""


class DeliveryRepository(Repository):
    """What clients have received."""

    def delivery(self, client: str, product: str, version: int, period: str) -> Delivery | None:
        """The latest delivery of a period to a client; None if there is none."""
        query = select(Delivery).filter_by(client=client, product=product, version=version, period=period)
        return self._first(query.order_by(col(Delivery.revision).desc()))

    def deliveries(self, client: str | None = None) -> list[Delivery]:
        """Every delivery, of one client or of all, by client, period, product, version and revision."""
        order = (Delivery.client, Delivery.period, Delivery.product, Delivery.version, Delivery.revision)
        query = select(Delivery).order_by(*(col(column) for column in order))
        return self._all(query if client is None else query.filter_by(client=client))

    def record_rendered(self, delivery: Delivery, audit: AuditEntry) -> None:
        """Record a delivery whose bytes rest in the lake; from here on these bytes are what is sent."""
        with self._database.writing() as session:
            _link(session, delivery)
            session.add(delivery)
            record(session, audit, _lineage(session, delivery))

    def chain(self) -> list[str]:
        """Digests of the chain over all deliveries, oldest first; the first one is the installation's own."""
        links = select(Delivery.chain).where(col(Delivery.chain).is_not(None)).order_by(col(Delivery.sequence))
        with self._database.reading() as session:
            own = session.exec(select(InstallationRow.id)).one()
            return [_beginning(own), *(link for link in session.exec(links) if link)]

    def mark_delivered(self, key: DeliveryKey, at: datetime, audit: AuditEntry) -> None:
        """Record that the client's bucket holds the bytes."""
        with self._database.writing() as session:
            delivery = _moved(session, key, DeliveryState.DELIVERED)
            delivery.delivered_at, delivery.message = delivery.delivered_at or at, ""
            record(session, audit, _lineage(session, delivery))

    def mark_refused(self, key: DeliveryKey, message: str, audit: AuditEntry) -> None:
        """Record why the client's bucket did not take the bytes, or no longer holds them."""
        with self._database.writing() as session:
            delivery = _moved(session, key, DeliveryState.REFUSED)
            delivery.message = message
            record(session, audit, _lineage(session, delivery))


def _beginning(installation: str) -> str:
    return hashlib.sha256(f"installation {installation}".encode()).hexdigest()


def _link(session: Session, delivery: Delivery) -> None:
    """Append the delivery to the chain; the locked row lets one transaction at a time do so."""
    own = session.exec(select(InstallationRow.id).with_for_update()).one()
    last = session.exec(select(Delivery).order_by(col(Delivery.sequence).desc().nulls_last())).first()
    before = (last and last.chain) or _beginning(own)
    key = [delivery.client, delivery.product, delivery.version, delivery.period, delivery.revision]
    link = json.dumps([before, *key, delivery.manifest_sha256])
    delivery.sequence = ((last and last.sequence) or 0) + 1
    delivery.chain = hashlib.sha256(link.encode()).hexdigest()


def _lineage(session: Session, delivery: Delivery) -> str:
    """That of the delivered release."""
    of = {name: getattr(delivery, name) for name in ("product", "version", "period")}
    release = session.exec(select(Release).filter_by(**of, revision=delivery.release_revision)).first()
    return release_lineage(delivery.period, release.generations if release else {})


def _moved(session: Session, key: DeliveryKey, state: DeliveryState) -> Delivery:
    delivery = session.exec(select(Delivery).filter_by(**vars(key)).with_for_update()).one_or_none()
    if delivery is None or state not in DELIVERY_TRANSITIONS[delivery.state]:
        raise StepFailed(
            f"catalog: delivery {key} cannot become {state}.",
            "This is a defect in Throng.",
            "catalog.delivery_transition",
        )
    delivery.state = state
    return delivery
