"""What each flow does: open the stores and run the verb. The command line calls the same where no flow is wanted."""

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from tasks.refs import DayRef, DeliveryRef, ExpiryRef, IndexRef, ReleaseRef

if TYPE_CHECKING:
    from flows.reconcile import Job, Report
    from tasks.plan import Plan


def ingest(day: date, override: Sequence[str] = (), reason_id: int | None = None, again: bool = False) -> DayRef:
    """Landing to lake, for one network-local day."""
    from tasks.ingest import Ingest
    from tasks.privacy.noise import production_noise
    from tasks.store import open_stores

    return Ingest(open_stores(), production_noise())(day, override, reason_id, again)


def publish(product: str, period: str, revision_of: str | None = None, reason_id: int | None = None) -> ReleaseRef:
    """Lake to one release, drawn once."""
    from tasks.privacy.noise import production_noise
    from tasks.publish import Publish
    from tasks.store import open_stores

    return Publish(open_stores(), production_noise())(product, period, revision_of, reason_id)


def deliver(client: str, product: str, period: str) -> DeliveryRef:
    """Release to a client's bucket and index."""
    from tasks.deliver import Deliver
    from tasks.store import open_stores

    return Deliver(open_stores())(client, product, period)


def index(client: str) -> IndexRef:
    """What is expected and late by now, into the client's index."""
    from tasks.deliver import Deliver
    from tasks.store import open_stores

    return Deliver(open_stores()).refresh(client)


def expire() -> ExpiryRef:
    """Keys and rows whose time is over, and rows of those who withdrew."""
    from tasks.expire import Expire
    from tasks.store import open_stores

    return Expire(open_stores())()


def daily(day: date | None = None) -> "Report":
    """The schedule's work, without flow runs."""
    from flows.executor import run_inline
    from flows.reconcile import reconcile

    return asyncio.run(reconcile(daily_job(day), run_inline))


def daily_job(day: date | None = None) -> "Job":
    """What the schedule has to do; of one day only, also what was tried in vain."""
    from flows.reconcile import Job

    return Job("daily", str(day or "all that is due"), partial(_daily_plan, day), scheduled=day is None)


def _daily_plan(day: date | None) -> "Plan":
    from tasks import plan
    from tasks.release import utc_now
    from tasks.store import open_stores

    stores, now = open_stores(), utc_now()
    return plan.make_plan(stores, day, day, now) if day else plan.daily_plan(stores, now)


def backfill(*words: Any, **named: Any) -> "Report":
    """A range's work, without flow runs; words as for `backfill_job`."""
    from flows.executor import run_inline
    from flows.reconcile import reconcile

    return asyncio.run(reconcile(backfill_job(*words, **named), run_inline))


def backfill_job(
    first: date,
    last: date,
    product: str | None = None,
    client: str | None = None,
    mode: str = "missing",
    parallel: int = 1,
    dry_run: bool = False,
    newest_first: bool = False,
) -> "Job":
    """What a range lacks."""
    from flows.reconcile import Job

    only = [f"product {product}"] * bool(product) + [f"client {client}"] * bool(client)
    asked = ", ".join([f"mode {mode}", *only, f"{parallel} at once", *["newest first"] * newest_first])
    plan = partial(_backfill_plan, first, last, product, client, mode, newest_first)
    return Job("backfill", f"{first} to {last}", plan, asked, parallel, dry_run)


def _backfill_plan(
    first: date, last: date, product: str | None, client: str | None, mode: str, newest_first: bool
) -> "Plan":
    from tasks.plan import Mode, make_plan
    from tasks.release import utc_now
    from tasks.store import open_stores

    return make_plan(open_stores(), first, last, utc_now(), Mode(mode), product, client, newest_first)


def keep_reason(verb: str, subject: str, reason: str) -> int:
    """Write a reason's text to the audit table; its id is all that Prefect sees of it."""
    from tasks.store import open_stores
    from tasks.store.audit import AuditEntry

    return open_stores().audit.write(AuditEntry.by_user(f"{verb} asked for with a reason", subject, reason))
