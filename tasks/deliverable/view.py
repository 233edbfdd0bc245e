"""What a delivery is rendered from: releasable facts only, so that nothing personal can be written by mistake."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from tasks.period import Period


class Place(StrEnum):
    """What the `zone_id` of a level's rows names."""

    ZONE = "zone"
    DISTRICT = "district"


class RowStatus(StrEnum):
    """Why a row has its number, or why it has none."""

    ESTIMATE = "estimate"
    WITHHELD_SMALL = "withheld_small"
    NO_COVERAGE = "no_coverage"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class LevelView:
    """One level of a product: what its rows count, its further keys with all their values, and its policy."""

    name: str
    place: Place
    meaning: str
    """One sentence for the client's analyst."""
    keys: Mapping[str, tuple[str, ...]]
    """Key columns besides place and hour, each with every value in the release's order."""
    additive: tuple[str, ...]
    """Columns over which values may be added; over all others the same persons would be counted again."""
    sigma: Decimal
    bound: int
    """Squared L2 bound of one subscriber."""
    threshold: int


@dataclass(frozen=True)
class PrivacyView:
    """What the release costs a subscriber, and what all releases of a month may cost together."""

    rho: float
    epsilon: float
    month_cap_rho: float
    month_cap_epsilon: float
    delta: float
    """At which both epsilons are quoted."""
    policy_name: str
    policy_digest: str


@dataclass(frozen=True)
class PanelView:
    """The panel's size from the latest earlier `panel` release: itself a noisy count, with a 90 % interval."""

    month: str
    size: float
    se: float
    low: float
    high: float


@dataclass(frozen=True)
class ReleaseView:
    """A release: its key, its slot, its hours, and everything the manifest says of it."""

    product: str
    version: int
    period: Period
    revision: int
    created_at: datetime
    """The schedule slot, never the clock."""
    timezone: str
    hours: tuple[datetime, ...]
    """UTC start of each local hour; the release's `hour` is an index into it."""
    levels: tuple[LevelView, ...]
    privacy: PrivacyView
    panel: PanelView | None
    panel_reason: str
    """Why there is no panel size; empty where there is one."""
    warnings: tuple[str, ...]
    """The gate's warnings of the day, as sentences."""
    quality: Mapping[str, object]
    """Further JSON facts from the noisy profile alone."""
    sha256: str
    """Of the released table."""

    @property
    def id(self) -> str:
        """The release's name, unique for ever."""
        return f"{self.product}/v{self.version}/{self.period}/r{self.revision}"

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
    """`parquet` is always written; `csv` on request."""


@dataclass(frozen=True)
class DeliveryView:
    """Which delivery this is, and the manifest digest of the one it supersedes (None for the first)."""

    revision: int
    supersedes: str | None = None
