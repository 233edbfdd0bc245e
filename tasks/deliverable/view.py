"""What a delivery is rendered from: releasable facts only, so that nothing personal can be written by mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from tasks.deliverable.level_view import DimensionView, LevelView, TableView
from tasks.period import Period
from tasks.policy import Publisher
from tasks.refs import release_id


class RowStatus(StrEnum):
    """Why a row has its number, or why it has none."""

    ESTIMATE = "estimate"
    WITHHELD_SMALL = "withheld_small"
    NO_COVERAGE = "no_coverage"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class PrivacyView:
    """What the release costs a subscriber, and what all releases of a month may cost together."""

    rho: float
    epsilon: float
    month_cap_rho: float
    month_cap_epsilon: float
    delta: float
    """At which both epsilons are quoted."""
    policy: str
    """Its name."""
    policy_digest: str
    month_cap_guesses: int
    """What the cap means: how many of 100 guesses at whether a subscriber was counted are right, at most about."""


@dataclass(frozen=True)
class PanelView:
    """The panel's size from the latest earlier `panel` release: itself a noisy count, with a 90 % interval."""

    month: str
    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True)
class EstimateView:
    """How people were estimated beside the panel's counts."""

    estimator: str
    """Its name and version."""
    digest: str
    """Of everything that the estimate was made from."""
    residents: int
    """The population: the residents that the census counts."""
    youngest: int | None
    """Their least age in years; None: the census does not say."""
    census_source: str | None
    census_as_of: str | None
    """Both None where the census does not say."""
    panel: str | None
    """The id of the panel's release that weights rest on; None: the night hours of `footfall`."""
    footfall: str
    """The id of the release that shows who is where at which hour."""
    detection: str | None
    """The id of the release that shows how often stays are seen; None: no stays are counted, or none are corrected."""
    dwell: str | None
    """The id of the release of stays by length, by which they are corrected."""
    trips: str | None
    """The id of the release of all trips of the day, by which trips are corrected."""
    area: str
    """`closed`: all residents are in the area at every hour; `open`: on the average of the day."""
    largest_error: str = ""
    """`noise`, `sampling` or `model`."""
    weak_zones: tuple[str, ...] = ()
    """Zones that cannot be distinguished from their neighbours."""
    effective_size: int = 0
    """Persons of an equally weighted panel of the same precision."""


@dataclass(frozen=True)
class Exclusion:
    """Persons or SIMs that are never counted, by the policy that a release was drawn under."""

    code: str
    meaning: str
    """One sentence for the client."""


@dataclass(frozen=True)
class ReleaseView:
    """A release: its key, its slot, its levels, and everything the manifest says of it."""

    product: str
    version: int
    period: Period
    revision: int
    created_at: datetime
    """The schedule slot, never the clock."""
    timezone: str
    levels: tuple[LevelView, ...]
    privacy: PrivacyView
    panel: PanelView | None
    panel_reason: str
    """Why there is no panel size; empty where there is one."""
    warnings: tuple[str, ...]
    """The gate's warnings of the period's days, as sentences."""
    quality: Mapping[str, object]
    """Further JSON facts from the noisy profile alone."""
    sha256: str
    """Of the released table."""
    basis: str
    """Who is counted, as a phrase."""
    left_out: tuple[Exclusion, ...]
    inputs: tuple[str, ...] = ()
    """Ids of the releases that it was derived from; empty if it was drawn."""
    estimate: EstimateView | None = None
    """How people were estimated beside the panel's counts; None: they were not."""
    estimate_missing: str = ""
    """What an estimate lacks, and what it would bring; empty with an estimate."""

    @property
    def id(self) -> str:
        """The release's unique name."""
        return release_id(self.product, self.version, self.period, self.revision)

    @property
    def tables(self) -> tuple[TableView, ...]:
        """The delivered tables: one for each set of key columns and numbers."""
        found: dict[tuple[object, ...], list[LevelView]] = {}
        for level in self.levels:
            found.setdefault((level.columns, level.quantity, bool(level.share_within)), []).append(level)
        return tuple(TableView(levels[0].name, tuple(levels)) for levels in found.values())

    @property
    def instant(self) -> DimensionView | None:
        """The first dimension of instants of any level."""
        return next((level.instant for level in self.levels if level.instant), None)

    @property
    def local(self) -> ZoneInfo:
        """The network's timezone."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class ZonesView:
    """The merged zone plan: parallel tuples by zone, sorted by zone id."""

    version: str
    zone_ids: tuple[str, ...]
    names: tuple[str, ...]
    district_ids: tuple[str, ...]
    """The district of each zone."""
    district_names: Mapping[str, str]
    merged: Mapping[str, str]
    """Sensitive zone -> the zone that took it in."""
    geojson: bytes
    """The merged plan as GeoJSON, one feature a zone with `zone_id` in its properties."""


@dataclass(frozen=True)
class GrantView:
    """What a client may have, as its client file says."""

    client: str
    contact: str
    zones: tuple[str, ...]
    """`*`, or zone ids and district ids."""
    formats: tuple[str, ...]
    """`parquet` is always written; the others on request."""
    deliver_by: str
    """The time of the network's clock by which a delivery is there, on the day after its period."""
    publisher: Publisher
    """Who grants it."""


@dataclass(frozen=True)
class EarlierDelivery:
    """A delivery as its client has it: what its manifest states, and its rows by table."""

    manifest_sha256: str
    manifest: Mapping[str, Any]
    tables: Mapping[str, pa.Table]


@dataclass(frozen=True)
class DeliveryView:
    """Which delivery this is, and the one that it supersedes (None for the first)."""

    revision: int
    supersedes: EarlierDelivery | None = None
    earlier_zones: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """Each zones.geojson that the client has of this product's other zone plans, by the plan's version."""
