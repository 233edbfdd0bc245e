"""What deliveries estimate people from: public plans, a census, and protected releases; and what is missing for it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.level_view import LevelView
from tasks.deliverable.serialisation import to_compact_json
from tasks.deliverable.view import EstimateView, ReleaseView, ZonesView
from tasks.demographics import Margins
from tasks.estimate.raking import targets
from tasks.estimate.spec import Detection, Dimensions, Footfall, PublicFacts
from tasks.mobility.zones import stored_plan
from tasks.period import Period
from tasks.privacy.derived import StoredRelease
from tasks.products.detection import PRODUCT as DETECTION
from tasks.products.dwell import DAILY as DWELL
from tasks.products.dwell import ZONE_DWELL
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.origin_destination import DAILY as TRIPS
from tasks.products.origin_destination import DISTRICT_PAIR
from tasks.products.spec import Level, PublicContext
from tasks.release import latest_of
from tasks.release_metadata import latest_panel
from tasks.store import ReleasedStores
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release, ReleaseState

NO_CENSUS = "The columns of people are empty: we have no census (`population.csv`)."
NO_FOOTFALL = (
    "The columns of people are empty: footfall of this period, which shows where people live, is not published."
)
NO_COVERAGE = (
    "The columns of people are empty: the coverage of this day, which corrects counts near borders, is not known."
)
NOT_POSSIBLE = "The columns of people are empty: these numbers and plans do not determine an estimate for every row."


@dataclass(frozen=True)
class Estimation:
    """Facts that an estimator needs and how a delivery states them; or what is missing."""

    facts: PublicFacts | None = None
    view: EstimateView | None = None
    missing: str = ""


@dataclass(frozen=True)
class _Sources:
    """Releases and public facts that an estimate rests on."""

    release: Release
    margins: Margins
    residents: float
    footfall: Release
    cell_plan: str
    confusion: pa.Table
    stay_confusion: pa.Table
    panel: Release | None
    stays: tuple[Release, ...]
    """Detection and dwell of the day of `footfall`, and trips if they are published; empty without the first two."""
    area: str

    def stated(self, estimator: str) -> EstimateView:
        """As a delivery states them."""
        ids = [[str(ReleaseKey.of(each)), each.sha256] for each in (self.footfall, self.panel, *self.stays) if each]
        content = [estimator, self.margins.digest, self.release.zone_plan, self.cell_plan, self.area, *ids]
        return EstimateView(
            estimator=estimator,
            digest=hashlib.sha256(to_compact_json(content)).hexdigest()[:16],
            residents=round(self.residents),
            youngest=self.margins.youngest,
            census_source=self.margins.source or None,
            census_as_of=self.margins.as_of or None,
            panel=str(ReleaseKey.of(self.panel)) if self.panel else None,
            footfall=str(ReleaseKey.of(self.footfall)),
            detection=str(ReleaseKey.of(self.stays[0])) if self.stays else None,
            area=self.area,
        )


def estimation(
    stores: ReleasedStores, estimator: str, release: Release, view: ReleaseView, plan: ZonesView
) -> Estimation:
    """What people of a release can be estimated from."""
    found = _sources(stores, release, view.period, sorted(set(plan.district_ids)))
    if isinstance(found, str):
        return Estimation(missing=found)
    stated = found.stated(estimator)
    return Estimation(_facts(stores, found, view, plan, stated.digest), stated)


def _sources(stores: ReleasedStores, release: Release, period: Period, districts: Sequence[str]) -> _Sources | str:
    """The sources, or a sentence on the first that is missing."""
    margins = stores.lake.margins(release.zone_plan)
    counted = targets(margins, districts) if margins else ()
    if margins is None or not counted:
        return NO_CENSUS
    footfall = _footfall(stores, release)
    if footfall is None:
        return NO_FOOTFALL
    ((day, generation),) = footfall.generations.items()
    cells = stores.catalog.generation(date.fromisoformat(day), generation).cell_plan
    confusion, stays = (of(release.zone_plan, cells) for of in (stores.lake.confusion, stores.lake.stay_confusion))
    if confusion is None or stays is None:
        return NO_COVERAGE
    panel = latest_panel(stores, period)
    panel = panel if panel and panel.zone_plan == release.zone_plan else None
    residents = float(np.nansum(counted[0]))
    area, seen = stores.policy.policy.estimate.area, _of_stays(stores, footfall)
    return _Sources(release, margins, residents, footfall, cells, confusion, stays, panel, seen, area)


def _of_stays(stores: ReleasedStores, footfall: Release) -> tuple[Release, ...]:
    """Detection, dwell and trips of the day of a footfall, as far as published; empty without the first two."""
    found = [
        latest
        for product in (DETECTION, DWELL, TRIPS)
        if (latest := latest_of(stores.ledger.releases(product.name, product.version, footfall.period)))
        and latest.state is ReleaseState.PUBLISHED
        and latest.zone_plan == footfall.zone_plan
    ]
    return tuple(found) if [each.product for each in found[:2]] == [DETECTION.name, DWELL.name] else ()


def _facts(stores: ReleasedStores, sources: _Sources, view: ReleaseView, plan: ZonesView, digest: str) -> PublicFacts:
    districts = tuple(sorted(set(plan.district_ids)))
    counts = [level for level in view.levels if level.quantity.counts]
    return PublicFacts(
        levels={level.name: {each.name: each.values for each in level.dimensions} for level in counts},
        zone_ids=plan.zone_ids,
        district=np.searchsorted(districts, plan.district_ids).astype(np.int32),
        districts=districts,
        confusion=sources.confusion,
        stay_confusion=sources.stay_confusion,
        margins=sources.margins,
        footfall=_stored_footfall(stores, sources.footfall, plan),
        panel=_stored(stores, sources.panel).table if sources.panel else None,
        closed=sources.area == "closed",
        detection=_detection(stores, sources.stays, plan) if sources.stays else None,
        distinct=distinct_levels(view.period, counts),
        digest=digest,
    )


def distinct_levels(period: Period, levels: Sequence[LevelView]) -> frozenset[str]:
    """Levels that count each person once over several days."""
    return frozenset(level.name for level in levels if level.distinct and len(period.days) > 1)


def _footfall(stores: ReleasedStores, release: Release) -> Release | None:
    """Footfall of the day; of a longer period, of the day in its middle among those that have one."""
    if release.product == FOOTFALL.name:
        return release
    days = {str(day) for day in Period.parse(release.period).days}
    found = {
        each.period: each
        for each in stores.ledger.releases(FOOTFALL.name, FOOTFALL.version)
        if each.period in days and each.state is ReleaseState.PUBLISHED and each.zone_plan == release.zone_plan
    }
    return found[sorted(found)[len(found) // 2]] if found else None


def _stored(stores: ReleasedStores, release: Release) -> StoredRelease:
    return stores.lake.release(ReleaseKey.of(release), release.sha256 or "")


def _detection(stores: ReleasedStores, stays: Sequence[Release], plan: ZonesView) -> Detection:
    windows, dwell, *more = (_stored(stores, each) for each in stays)
    timezone = ZoneInfo(str(dwell.facts["timezone"]))
    public = PublicContext(Period.parse(stays[1].period), stored_plan(plan.geojson), timezone)
    return Detection(
        windows.table,
        dwell.table,
        _dimensions(ZONE_DWELL, public),
        stores.policy.policy.stay.min_dwell_minutes,
        total_trips(more[0].table) if more else None,
    )


def total_trips(release: pa.Table) -> tuple[float, float] | None:
    """All trips of a day, and the variance of their noise; None where some have no number."""
    pairs = release.filter(pc.equal(release["level"], DISTRICT_PAIR.name))
    if pairs["value"].null_count:
        return None
    return float(np.sum(pairs["value"])), float(np.square(pairs["se"]).sum())


def _stored_footfall(stores: ReleasedStores, release: Release, plan: ZonesView) -> Footfall:
    stored = _stored(stores, release)
    timezone = ZoneInfo(str(stored.facts["timezone"]))
    public = PublicContext(Period.parse(release.period), stored_plan(plan.geojson), timezone)
    levels = FOOTFALL.by_levels({rule.name for rule in stored.rules}).levels
    return Footfall(stored.table, {level.name: _dimensions(level, public) for level in levels}, timezone)


def _dimensions(level: Level, public: PublicContext) -> Dimensions:
    return {each.name: each.values(public) for each in level.dimensions}
