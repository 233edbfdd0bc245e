"""What deliveries estimate people from: public plans, a census, and protected releases; and what is missing for it."""

import hashlib
from collections.abc import Collection, Sequence
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
from tasks.estimate.spec import CountedLevel, Detection, Dimensions, Footfall, PublicFacts
from tasks.mobility.zones import stored_plan
from tasks.period import Period
from tasks.privacy.derived import StoredRelease
from tasks.products import registry
from tasks.products.detection import PRODUCT as DETECTION
from tasks.products.dwell import DAILY as DWELL
from tasks.products.dwell import ZONE_DWELL
from tasks.products.footfall import PRODUCT as FOOTFALL
from tasks.products.origin_destination import DAILY as TRIPS
from tasks.products.origin_destination import DISTRICT_PAIR
from tasks.products.spec import DataProduct, Level, Product, PublicContext
from tasks.quantity import CountKind, Split
from tasks.release import latest_of
from tasks.release_metadata import latest_panel
from tasks.store import CatalogStores, ReleasedStores, ReleaseStores
from tasks.store.ledger import ReleaseKey
from tasks.store.tables import Release, ReleaseState

_BESIDE = (FOOTFALL, DETECTION, DWELL)
"""What people of stays rest on: products of one day."""
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
class _Stays:
    """Releases of the day of a footfall that tell how many stays and trips events miss."""

    detection: Release
    dwell: Release
    trips: Release | None
    """If people of the release rest on the number of all trips, and they are published."""
    min_dwell: float


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
    stays: _Stays | None
    """None if people of the release do not rest on them, or without detection or dwell."""
    area: str

    @property
    def of_day(self) -> str:
        """A digest of what all releases of one day share."""
        plans = self.release.zone_plan, self.cell_plan
        return _digest(self.margins.digest, *plans, self.area, _id(self.footfall), _id(self.panel))

    def stated(self, estimator: str) -> EstimateView:
        """As a delivery states them: what the numbers of the release use, and nothing else."""
        of = self.stays
        more = [_id(of.detection), _id(of.dwell), _id(of.trips), of.min_dwell] if of else []
        return EstimateView(
            estimator=estimator,
            digest=_digest(estimator, self.of_day, *more),
            residents=round(self.residents),
            youngest=self.margins.youngest,
            census_source=self.margins.source or None,
            census_as_of=self.margins.as_of or None,
            panel=_name(self.panel),
            footfall=str(ReleaseKey.of(self.footfall)),
            detection=_name(of.detection) if of else None,
            dwell=_name(of.dwell) if of else None,
            trips=_name(of.trips) if of else None,
            area=self.area,
        )


def _digest(*content: object) -> str:
    return hashlib.sha256(to_compact_json(content)).hexdigest()[:16]


def _name(release: Release | None) -> str | None:
    return str(ReleaseKey.of(release)) if release else None


def _id(release: Release | None) -> list[str | None]:
    return [_name(release), release.sha256] if release else []


def estimation(
    stores: ReleasedStores, estimator: str, release: Release, view: ReleaseView, plan: ZonesView
) -> Estimation:
    """What people of a release can be estimated from."""
    found = _sources(stores, release, view, sorted(set(plan.district_ids)))
    if isinstance(found, str):
        return Estimation(missing=found)
    if not all(1 <= len(level.places) <= 2 for level in counted_levels(view.period, view.levels).values()):
        return Estimation(missing=NOT_POSSIBLE)
    return Estimation(_facts(stores, found, view, plan), found.stated(estimator))


def beside(product: Product, left_out: Collection[str] = ()) -> tuple[str, ...]:
    """Other products on whose releases of a day people of this one rest, as far as a policy leaves them of use.

    Without footfall there are no people, and without one of detection and dwell the other corrects nothing.
    """
    counted = [level for level in product.released if level.quantity.counts] if product.for_clients else []
    if not counted or FOOTFALL.name in left_out:
        return ()
    corrected = any(not _has_instants(level) for level in counted) and DETECTION.name not in left_out
    rests = _BESIDE if corrected and DWELL.name not in left_out else (FOOTFALL,)
    return tuple(each.name for each in rests if each.name != product.name)


def _has_instants(level: Level) -> bool:
    return any(pa.types.is_timestamp(each.type) for each in level.dimensions)


def lacking(stores: ReleaseStores, release: Release) -> tuple[tuple[str, str], ...]:
    """Products and days on which people of a release rest, and that are not published; none without a census."""
    if stores.lake.margins(release.zone_plan) is None:
        return ()
    footfall, days = _footfall(stores, release), sorted(release.generations)
    day = footfall.period if footfall else days[len(days) // 2]
    there = {each.name for each in _BESIDE if footfall and _beside(stores, footfall, each)}
    product = registry.product(release.product, Period.parse(release.period).cadence)
    names = beside(product, {*stores.policy.policy.budget.leave_out} - there)
    return tuple((name, day) for name in names if name not in there)


def _sources(stores: ReleasedStores, release: Release, view: ReleaseView, districts: Sequence[str]) -> _Sources | str:
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
    panel = latest_panel(stores, view.period)
    panel = panel if panel and panel.zone_plan == release.zone_plan else None
    residents = float(np.nansum(counted[0]))
    area, seen = stores.policy.policy.estimate.area, _of_stays(stores, footfall, view)
    return _Sources(release, margins, residents, footfall, cells, confusion, stays, panel, seen, area)


def _of_stays(stores: ReleasedStores, footfall: Release, view: ReleaseView) -> _Stays | None:
    """Detection, dwell and trips of the day of a footfall, as far as people of a release rest on them."""
    stays = [level for level in counted_levels(view.period, view.levels).values() if not level.instants]
    detection, dwell = (_beside(stores, footfall, product) for product in (DETECTION, DWELL))
    if not stays or not detection or not dwell:
        return None
    policy = stores.policy.policy
    all_trips = policy.estimate.area == "closed" and any(level.trips for level in stays)
    trips = _beside(stores, footfall, TRIPS) if all_trips else None
    return _Stays(detection, dwell, trips, policy.stay.min_dwell_minutes)


def _beside(stores: CatalogStores, footfall: Release, product: DataProduct) -> Release | None:
    """The release of a product of the same day, if it is published."""
    latest = latest_of(stores.ledger.releases(product.name, product.version, footfall.period))
    same = latest and latest.state is ReleaseState.PUBLISHED and latest.zone_plan == footfall.zone_plan
    return latest if same else None


def _facts(stores: ReleasedStores, sources: _Sources, view: ReleaseView, plan: ZonesView) -> PublicFacts:
    districts = tuple(sorted(set(plan.district_ids)))
    return PublicFacts(
        levels=counted_levels(view.period, view.levels),
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
        digest=sources.of_day,
    )


def counted_levels(period: Period, levels: Sequence[LevelView]) -> dict[str, CountedLevel]:
    """What the estimator must know of the levels that count."""
    return {level.name: _counted(level, level.quantity.counts, period) for level in levels if level.quantity.counts}


def _counted(level: LevelView, counted: CountKind, period: Period) -> CountedLevel:
    order = {split: n for n, split in enumerate(Split, 1)}
    dimensions = sorted(level.dimensions, key=lambda each: order[each.split] if each.split else 0)
    places = [each for each in dimensions if each.granted_by]
    return CountedLevel(
        dimensions={each.name: each.values for each in dimensions},
        counted=counted,
        between="districts" if level.of_districts else "zones",
        places=tuple(each.name for each in places),
        splits={each.split: each.name for each in dimensions if each.split},
        instants=level.instant.name if level.instant else "",
        distinct=level.distinct and len(period.days) > 1,
    )


def _footfall(stores: CatalogStores, release: Release) -> Release | None:
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


def _detection(stores: ReleasedStores, of: _Stays, plan: ZonesView) -> Detection:
    dwell = _stored(stores, of.dwell)
    timezone = ZoneInfo(str(dwell.facts["timezone"]))
    public = PublicContext(Period.parse(of.dwell.period), stored_plan(plan.geojson), timezone)
    return Detection(
        _stored(stores, of.detection).table,
        dwell.table,
        _dimensions(ZONE_DWELL, public),
        of.min_dwell,
        total_trips(_stored(stores, of.trips).table) if of.trips else None,
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
