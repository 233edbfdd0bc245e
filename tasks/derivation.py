"""Releases that are derived from others: what they need, whether it has changed, and how they are made. Free."""

from functools import partial
from zoneinfo import ZoneInfo

from tasks.errors import RefusedRelease
from tasks.mobility.zones import stored_plan
from tasks.period import Period
from tasks.privacy.derived import derive
from tasks.products import registry
from tasks.products.spec import DerivedProduct, PublicContext
from tasks.release import PendingDraw, ReleaseInputs, latest_drawn
from tasks.store import ReleaseStores
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release, ReleaseState


def derivation_inputs(stores: ReleaseStores, product: DerivedProduct, period: Period) -> ReleaseInputs:
    """The plan and days of its inputs, and their digests by release; raises RefusedRelease where one is missing."""
    releases = _inputs(stores, product, period)
    plans = {release.zone_plan for release in releases}
    if len(plans) > 1:
        raise RefusedRelease(
            f"{product.name} {period} would be derived from releases of {len(plans)} zone plans.",
            "Derive it of periods under one zone plan.",
            "release.zone_plans",
        )
    days = {day: number for release in releases for day, number in release.generations.items()}
    return ReleaseInputs(plans.pop(), days, _digests(releases))


def inputs_changed(stores: ReleaseStores, product: DerivedProduct, release: Release) -> bool:
    """Whether an input has another published revision than the one it was derived from."""
    try:
        current = _digests(_inputs(stores, product, Period.parse(release.period)))
    except RefusedRelease:  # an input was recalled, and not published again
        return True
    return not current.items() <= release.digests.items()


def pending_derivation(stores: ReleaseStores, product: DerivedProduct, period: Period) -> PendingDraw:
    """A derivation that is ready, with the digests of what it reads."""
    releases = _inputs(stores, product, period)
    zones = stored_plan(stores.lake.plan(releases[0].zone_plan))
    stored = [stores.lake.release(ReleaseKey.of(release), release.sha256 or "") for release in releases]
    public = PublicContext(period, zones, ZoneInfo(stored[0].facts["timezone"]))
    keys = {level.name: level.keys(public) for level in product.levels}
    return PendingDraw(partial(derive, stored, partial(product.derive, public), keys), _digests(releases))


def _inputs(stores: ReleaseStores, product: DerivedProduct, period: Period) -> list[Release]:
    return [_published(stores, f"{product.name} {period}", *each) for each in product.inputs(period)]


def _published(stores: ReleaseStores, derived: str, name: str, period: Period) -> Release:
    release = latest_drawn(stores, registry.product(name), period)
    if release is None or release.state is not ReleaseState.PUBLISHED:
        raise RefusedRelease(
            f"{derived} is derived from {name} {period}, which is not published.",
            f"Run `throng publish {name} {period}` first.",
            "release.input_missing",
        )
    return release


def _digests(releases: list[Release]) -> dict[str, str]:
    return {str(ReleaseKey.of(release)): release.sha256 or "" for release in releases}
