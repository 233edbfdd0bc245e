"""What the lake keeps no longer: superseded versions that no release is being drawn from, and expired periods."""

from datetime import date

from tasks.errors import RefusedRelease
from tasks.period import Period
from tasks.products import registry
from tasks.store import CatalogStores, LandingStores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey

EXPIRY = "keys and rows"
"""What an expiry is about: its run in the catalog, and its entry in the audit table."""


def check_not_expired(stores: CatalogStores, *periods: Period) -> None:
    """Raise RefusedRelease if one of the periods has expired: nothing of it is taken in or drawn again."""
    expired = stores.catalog.expired_periods()
    for period in periods:
        if str(period) in expired:
            raise RefusedRelease(
                f"The data of {period} have expired: its keys and rows are destroyed.",
                "What was published of it can be delivered again; nothing can be drawn from it any more.",
                "release.data_expired",
            )


def remove_superseded(stores: LandingStores, day: date) -> int:
    """Remove a day's superseded versions, under the day's lock; returns how many files went.

    One that a reserved release may be being counted from stays until that release is drawn, or follows the day.
    """
    removed, needed = 0, _needed(stores)
    for _, generation in stores.catalog.superseded(day):
        if (str(day), generation) not in needed:
            files = len(stores.catalog.lake_files({day: generation}))
            # First: a generation that the catalog has forgotten would never be removed.
            stores.lake.staged_version(day, generation).discard()
            entry = AuditEntry.by_user("version removed", f"day {day} generation {generation}", files=files)
            stores.catalog.forget_files(day, generation, entry)
            removed += files
    return removed


def _needed(stores: LandingStores) -> set[tuple[str, int]]:
    """Days with the generations that reserved releases read, whose bytes are not drawn yet."""
    undrawn = (
        release
        for release in stores.ledger.releases()
        if registry.version_of(release.product) is not None
        and release.unfinished
        and stores.lake.staged(ReleaseKey.of(release)) is None
    )
    return {pinned for release in undrawn for pinned in release.generations.items()}
