"""What the lake need not keep: versions of a day that were superseded and that no release is being drawn from."""

from datetime import date

from tasks.products.catalogue import CATALOGUE
from tasks.store import Stores
from tasks.store.audit import AuditEntry
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import ReleaseState


def remove_superseded(stores: Stores, day: date) -> int:
    """Remove a day's superseded versions, under the day's lock; returns how many files went.

    One that a reserved release may be being counted from stays until that release is drawn, or follows the day.
    """
    removed, needed = 0, _needed(stores)
    for _, generation in stores.catalog.superseded(day):
        if (str(day), generation) not in needed:
            files = len(stores.catalog.lake_files({day: generation}))
            stores.lake.discard(stores.lake.begun(day, generation))  # first: once forgotten, nobody would look for it
            entry = AuditEntry.by_user("version removed", f"day {day} generation {generation}", files=files)
            stores.catalog.forget_files(day, generation, entry)
            removed += files
    return removed


def _needed(stores: Stores) -> set[tuple[str, int]]:
    """Days with the generations that reserved releases read, whose bytes are not drawn yet."""
    undrawn = (
        release
        for release in stores.ledger.releases()
        if release.product in CATALOGUE
        and release.state in (ReleaseState.RESERVED, ReleaseState.STAGED)
        and stores.lake.staged(ReleaseKey.of(release)) is None
    )
    return {pinned for release in undrawn for pinned in release.generations.items()}
