"""Staleness: what changed since a release was drawn. The release remains; only a revision draws again."""

from collections.abc import Iterator
from datetime import date, datetime

from tasks.errors import Misconfigured, RejectedInput, StorageUnavailable
from tasks.events.formats import load_formats
from tasks.events.landing import find_day
from tasks.events.late_arrivals import LateArrivals, late_files
from tasks.period import Period
from tasks.products import registry
from tasks.products.spec import DerivedProduct
from tasks.refs import Listing
from tasks.register_versions import registers_digest
from tasks.release_inputs import inputs_changed
from tasks.store import LandingStores
from tasks.store.tables import Release


def changes_since(stores: LandingStores, release: Release, now: datetime) -> tuple[str, ...]:
    """The changes since a release was drawn, in words; empty if there are none."""
    period = Period.parse(release.period)
    product = registry.product(release.product, period.cadence)
    if isinstance(product, DerivedProduct):
        changed = inputs_changed(stores, product, release)
        return ("a release that it is derived from was revised or recalled since",) if changed else ()
    days = {str(d.day): d.generation for d in stores.catalog.days(period.first, period.days[-1])}
    words = {
        "days were ingested again since": days != dict(release.generations),
        _late_words(late := dict(_late_days(stores, period, release, now))): bool(late),
        "the policy changed since": release.policy_digest != stores.policy.digest,
        "the subscribers or consents file, or its mapping, changed since": _people_changed(stores, release),
    }
    return tuple(word for word, differs in words.items() if differs)


def late_since(stores: LandingStores, day: date, listing: Listing, now: datetime) -> LateArrivals:
    """Files that came, changed or went since the day's landing was listed; none if the landing was cleared."""
    try:
        formats = load_formats(stores.settings.mapping)
        landing = find_day(stores.settings.landing_root, day, stores.policy.policy.time, now, formats)
    except (RejectedInput, Misconfigured, StorageUnavailable):  # cleared or unreadable: nothing came late
        return LateArrivals()
    return late_files(listing, landing.files)


def not_in_lake(stores: LandingStores, period: Period, now: datetime) -> dict[date, LateArrivals]:
    """Files that came or changed since the period's days were ingested, by day."""
    listings = stores.catalog.listings(period.first, period.days[-1])
    rows = stores.catalog.days(period.first, period.days[-1])
    late = {row.day: late_since(stores, row.day, listings.get((row.day, row.generation), {}), now) for row in rows}
    return {day: files for day, files in late.items() if files.arrived or files.changed}


def _late_days(
    stores: LandingStores, period: Period, release: Release, now: datetime
) -> Iterator[tuple[date, LateArrivals]]:
    """Late files of the generations that the release was drawn from, by day."""
    listings = stores.catalog.listings(period.first, period.days[-1])
    for day, generation in sorted(release.generations.items()):
        of = date.fromisoformat(day)
        if late := late_since(stores, of, listings.get((of, generation), {}), now):
            yield of, late


def _late_words(late: dict[date, LateArrivals]) -> str:
    """The first day's files by name, and the number of further days."""
    first = next((f"late files of {day}, for `throng ingest {day}` first: {files}" for day, files in late.items()), "")
    return first + (f"; and of {len(late) - 1} more days" if len(late) > 1 else "")


def _people_changed(stores: LandingStores, release: Release) -> bool:
    """Whether the files that say who may be counted, or their mapping, differ by now, or cannot be read."""
    try:
        return release.digests.get("people") != registers_digest(stores)
    except (RejectedInput, Misconfigured):
        return True
