"""What a delivery is rendered from: releasable facts only, so that nothing personal can be written by mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from tasks.errors import StepFailed
from tasks.period import Period
from tasks.policy import Publisher
from tasks.quantity import PERSONS, Quantity


class RowStatus(StrEnum):
    """Why a row has its number, or why it has none."""

    ESTIMATE = "estimate"
    WITHHELD_SMALL = "withheld_small"
    NO_COVERAGE = "no_coverage"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class DimensionView:
    """One key column of a level: its name and type in the release, its meaning, and every public key."""

    name: str
    type: pa.DataType
    meaning: str
    """One sentence for the client's analyst."""
    values: tuple[Any, ...]
    """Texts, numbers, or aware datetimes of instants."""
    granted_by: Literal["zone", "district"] | None = None
    """What a grant must hold for a client to receive a key; None: every client receives all keys."""
    hidden: frozenset[str] = frozenset()
    """Values that are drawn so that sums agree, and never delivered."""

    @property
    def column(self) -> str:
        """The delivered column that names a key."""
        return f"{self.unit}_utc" if self.is_instant else self.name

    @property
    def shown(self) -> tuple[Any, ...]:
        """The values that a delivery may hold."""
        return tuple(value for value in self.values if value not in self.hidden)

    @property
    def name_column(self) -> str:
        """The column of the granted place's name."""
        return f"{self.column.removesuffix('_id')}_name"

    @property
    def is_instant(self) -> bool:
        """Whether the keys are instants."""
        return bool(pa.types.is_timestamp(self.type))

    @property
    def unit(self) -> str:
        """What begins at an instant: `hour` of `hour_start`."""
        return self.name.removesuffix("_start")

    @property
    def preposition(self) -> str:
        """What a sentence puts before a place at which something begins or ends."""
        return {"origin": "from ", "destination": "to "}.get(self.name.partition("_")[0], "")

    @property
    def plural(self) -> str:
        """What a column of places names, in words: `origin zones` of `origin_zone_id`."""
        return f"{self.column.removesuffix('_id')}s".replace("_", " ")

    @property
    def local_column(self) -> str:
        """The column of an instant's hour on the local clock."""
        return f"local_{self.unit}"


@dataclass(frozen=True)
class LevelView:
    """One level of a product: what its rows count, by which dimensions, and its policy."""

    name: str
    meaning: str
    """One sentence for the client's analyst."""
    dimensions: tuple[DimensionView, ...]
    additive: frozenset[str]
    """Dimensions over which values may be added; over all others the same persons would be counted again."""
    sigma: Decimal | None
    """Noise as a standard deviation in persons; None for a derived level."""
    bound: int | None
    """Squared L2 bound of one subscriber; None for a derived level."""
    threshold: int
    """Least value shown; 0 where every value is."""
    reading: str = "were counted at"
    """What the counted subscribers did, as it reads between their number and a place."""
    quantity: Quantity = PERSONS
    """What the numbers measure."""
    missing: str = ""
    """What a row that is not there means, in one sentence; empty: every granted key has a row."""

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise StepFailed(
                f"Two dimensions of level {self.name} share one delivered column.",
                "Give each granted dimension a prefix of its own, such as origin_.",
                "delivery.column_twice",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The delivered key columns."""
        return tuple(dimension.column for dimension in self.dimensions)

    @property
    def additive_columns(self) -> list[str]:
        """The delivered columns over which values may be added."""
        return [dimension.column for dimension in self.dimensions if dimension.name in self.additive]

    @property
    def instant(self) -> DimensionView | None:
        """The first dimension of instants."""
        return next((dimension for dimension in self.dimensions if dimension.is_instant), None)

    @property
    def of_districts(self) -> bool:
        """Whether a client must be granted whole districts."""
        return any(dimension.granted_by == "district" for dimension in self.dimensions)


@dataclass(frozen=True)
class TableView:
    """A delivered table: the levels of the same key columns and quantity, under the first one's name."""

    name: str
    levels: tuple[LevelView, ...]

    @property
    def dimensions(self) -> tuple[DimensionView, ...]:
        """The key columns of every level of the table, after `level`."""
        return self.levels[0].dimensions

    @property
    def quantity(self) -> Quantity:
        """What the numbers of every level measure."""
        return self.levels[0].quantity


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
    estimator: str = ""
    """What estimated people beside the panel's counts; empty: nothing did."""

    @property
    def id(self) -> str:
        """The release's unique name."""
        return f"{self.product}/v{self.version}/{self.period}/r{self.revision}"

    @property
    def tables(self) -> tuple[TableView, ...]:
        """The delivered tables: one for each set of key columns and quantity."""
        found: dict[tuple[tuple[str, ...], Quantity], list[LevelView]] = {}
        for level in self.levels:
            found.setdefault((level.columns, level.quantity), []).append(level)
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
