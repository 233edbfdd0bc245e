"""Check arguments before a run starts, so that a wrong argument leaves no failed run.

Each function raises Misconfigured, or RefusedRelease if the stores are parts of two installations.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.store import CatalogStores


def ingest(rules: Collection[str]) -> None:
    """Check that the gate rules exist."""
    from tasks.events.gate import check_rules

    _stores()
    check_rules(rules)


def publish(product: str, period: str, revision_of: str | None) -> None:
    """Check product, period and, for a revision, the release to draw again."""
    from tasks.period import Period
    from tasks.products.registry import check_made, of_period
    from tasks.publish import revised

    of = Period.parse(period)
    made = of_period(product, of)
    check_made(made, _stores().policy.policy.budget.leave_out)
    if revision_of:
        revised(made, of, revision_of)


def deliver(client: str, product: str, period: str) -> None:
    """Check client, product and period; the product must be for clients."""
    from tasks.client_state import client_spec
    from tasks.period import Period
    from tasks.products.registry import check_for_clients, of_period

    check_for_clients(of_period(product, Period.parse(period)))
    client_spec(_stores(), client)


def daily() -> None:
    """Check that the stores belong together."""
    _stores()


def backfill(first: date, last: date, product: str | None, client: str | None) -> None:
    """Check the range, and that product and client exist."""
    from tasks.client_state import client_spec
    from tasks.plan import check_range
    from tasks.products.registry import check_made, find

    stores = _stores()
    check_range(first, last)
    for part in find(product) if product else ():
        check_made(part, stores.policy.policy.budget.leave_out)
    if client:
        client_spec(stores, client)


def _stores() -> "CatalogStores":
    """Open all stores. Print that an installation is new: a mistyped home would begin a second ledger."""
    from flows.cli.output import console_for, print_part
    from tasks import settings
    from tasks.store import open_catalog
    from tasks.store.database import exists

    where = settings.load()
    new = not exists(where.database)
    if new:
        _ = where.landing_root  # raises before anything is created
    stores = open_catalog(where)
    if new:
        with suppress(OSError, SystemExit):  # the reader of stdout is gone: rich would end the process
            print_part(console_for(), f"A new installation begins in {where.home.absolute()}: its ledger is empty.")
    return stores
