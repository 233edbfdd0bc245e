"""What is asked for, checked before a run is made of it: a slip of the pen is no failed run that somebody must close.

Each raises Misconfigured, or RefusedRelease where the stores are parts of two installations.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.store import CatalogStores


def ingest(rules: Collection[str]) -> None:
    """Gate rules that exist."""
    from tasks.events.gate import check_rules

    _stores()
    check_rules(rules)


def publish(product: str, period: str, revision_of: str | None) -> None:
    """A product, a period of its length and, if it is to be drawn again, a release of both."""
    from tasks.period import Period
    from tasks.products.registry import find
    from tasks.publish import revised

    _stores()
    made, of = find(product), Period.parse(period)
    made.check(of)
    if revision_of:
        revised(made, of, revision_of)


def deliver(client: str, product: str, period: str) -> None:
    """A client, and a product and period that are for clients."""
    from tasks.deliver import client_spec
    from tasks.period import Period
    from tasks.products.registry import check_for_clients, find

    made = find(product)
    made.check(Period.parse(period))
    check_for_clients(made)
    client_spec(_stores(), client)


def daily() -> None:
    """Nothing but stores that belong together."""
    _stores()


def backfill(first: date, last: date, product: str | None, client: str | None) -> None:
    """A range, and a product and a client that exist."""
    from tasks.deliver import client_spec
    from tasks.plan import check_range
    from tasks.products.registry import find

    stores = _stores()
    check_range(first, last)
    if product:
        find(product)
    if client:
        client_spec(stores, client)


def _stores() -> "CatalogStores":
    """Open everything; a mistyped home would begin a second ledger, from which all can be drawn once more: say so."""
    from flows.cli.output import console_for, print_part
    from tasks import settings
    from tasks.store import open_catalog
    from tasks.store.database import exists

    where = settings.load()
    new = not exists(where.database)
    if new:
        _ = where.landing_root  # without one nothing is made
    stores = open_catalog(where)
    if new:
        with suppress(OSError, SystemExit):  # nobody reads: rich would end the process for it
            print_part(console_for(), f"A new installation begins in {where.home.absolute()}: its ledger is empty.")
    return stores
