"""What each flow does: open the stores and run the verb. The command line calls the same where no flow is wanted."""

from collections.abc import Sequence
from datetime import date

from tasks.refs import DayRef, DeliveryRef, ExpiryRef, IndexRef, ReleaseRef


def ingest(day: date, override: Sequence[str] = (), reason_id: int | None = None, again: bool = False) -> DayRef:
    """Landing to lake, for one network-local day."""
    from tasks.ingest import Ingest
    from tasks.privacy.noise import production_noise
    from tasks.store import open_landing

    return Ingest(open_landing(), production_noise())(day, override, reason_id, again)


def publish(product: str, period: str, revision_of: str | None = None, reason_id: int | None = None) -> ReleaseRef:
    """Lake to one release, drawn once."""
    from tasks.privacy.noise import production_noise
    from tasks.publish import Publish
    from tasks.refresh import Refresh
    from tasks.store import open_landing, open_pseudonymised

    return Publish(open_pseudonymised(), production_noise(), Refresh(open_landing()))(
        product, period, revision_of, reason_id
    )


def deliver(client: str, product: str, period: str) -> DeliveryRef:
    """Release to a client's bucket and index."""
    from flows.alerting.client_notices import send_notice
    from tasks.deliver import Deliver
    from tasks.store import open_released

    return Deliver(open_released(), notify=send_notice)(client, product, period)


def index(client: str) -> IndexRef:
    """What is expected and late by now, into the client's index."""
    from flows.alerting.client_notices import send_notice
    from tasks.deliver import Deliver
    from tasks.store import open_released

    return Deliver(open_released(), notify=send_notice).refresh(client)


def expire() -> ExpiryRef:
    """Keys and rows whose time is over, and rows of those who withdrew."""
    from tasks.expire import Expire
    from tasks.store import open_landing

    return Expire(open_landing())()


def keep_reason(verb: str, subject: str, reason: str) -> int:
    """Write a reason's text to the audit table; its id is all that Prefect sees of it."""
    from tasks.store import open_catalog
    from tasks.store.audit import AuditEntry

    return open_catalog().audit.write(AuditEntry.by_user(f"{verb} asked for with a reason", subject, reason))
