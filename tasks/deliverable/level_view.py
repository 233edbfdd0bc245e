"""The levels of a release as a client sees them: their key columns, what they measure, and the tables they make."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa

from tasks.errors import StepFailed
from tasks.quantity import PERSONS, Quantity, Split


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
    named_by: Literal["zone", "district"] | None = None
    """Whose ids the keys are where every client receives all of them; other keys name themselves."""
    hidden: frozenset[str] = frozenset()
    """Values that are drawn so that sums agree, and never delivered."""
    split: Split | None = None
    """What it splits counts by, where the estimate of all people depends on it."""

    @property
    def place(self) -> Literal["zone", "district"] | None:
        """What the keys are ids of, if they are places."""
        return self.granted_by or self.named_by

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
        """The column of the place's name."""
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
        return {"origin": "from ", "destination": "to ", "home": "with home in "}.get(self.name.partition("_")[0], "")

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
    distinct: bool = False
    """Whether a person counts once a place, on however many days of the period."""
    share_within: tuple[str, ...] = ()
    """Dimensions of which equal values have a total that each value is also a share of; empty: no shares."""
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
    def share_columns(self) -> list[str]:
        """The delivered columns within which the shares of a total add up to 1."""
        return [dimension.column for dimension in self.dimensions if dimension.name in self.share_within]

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
    """A delivered table: the levels of the same key columns and numbers, under the first one's name."""

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

    @property
    def shares(self) -> bool:
        """Whether numbers are also given as shares of a total."""
        return bool(self.levels[0].share_within)

    @property
    def area_of(self) -> DimensionView | None:
        """The granted places per whose area persons are given too; None where a row has no place, or several."""
        places = [dimension for dimension in self.dimensions if dimension.place]
        alone = self.quantity == PERSONS and len(places) == 1 and places[0].granted_by
        return places[0] if alone else None
