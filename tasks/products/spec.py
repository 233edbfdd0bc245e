"""What a data product declares: key columns, levels, the lake tables it reads, and how it counts.

A product is one file. Columns, completeness, data contract, gate, plan, budget and people follow from its declaration.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.mobility.home_location import HomeRules, Homes, home_location
from tasks.period import Cadence, Period, day_hours
from tasks.policy import Policy
from tasks.privacy.bounds import BoundedCounter, Contributions, Integers, LevelRule, WeightedCounter, defect
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import KeyStatuses
from tasks.quantity import PERSONS, Quantity, Split

if TYPE_CHECKING:
    from tasks.mobility.tables import LakeTable
    from tasks.mobility.zones import ZonePlan

Mask = npt.NDArray[np.bool_]


class Audience(StrEnum):
    """Who reads a product's releases."""

    CLIENTS = "clients"
    OPERATOR = "operator"
    """Published, never delivered."""
    GATE = "gate"
    """Drawn while a day is ingested, read by the batch gate alone."""


@dataclass(frozen=True)
class Population:
    """The persons that a product counts; `meaning` completes "Who is counted: ..."."""

    name: str
    meaning: str


OPTED_IN = Population("opted_in", "subscribers of this network, of age, who opted in and had not withdrawn")


@dataclass(frozen=True)
class PublicContext:
    """Public facts of a release: its period, its zone plan and the network's timezone. They determine all keys."""

    period: Period
    zones: "ZonePlan"
    timezone: ZoneInfo

    @cached_property
    def hours(self) -> tuple[datetime, ...]:
        """UTC start of each local hour of the period."""
        return tuple(hour for day in self.period.days for hour in day_hours(day, self.timezone))


@dataclass(frozen=True)
class Dimension:
    """One key column, from the draw to the data contract."""

    name: str
    type: pa.DataType
    meaning: str
    values: Callable[[PublicContext], Sequence[object]]
    """Every public value, in draw order."""
    granted_by: Literal["zone", "district"] | None = None
    """What a client must be granted to receive a value of this column."""
    named_by: Literal["zone", "district"] | None = None
    """Whose ids the values are where every client receives all of them; other values name themselves."""
    hidden: frozenset[str] = frozenset()
    """Values that are drawn so that sums agree, and never delivered."""
    split: Split | None = None
    """What it splits counts by, where the estimate of all people depends on it."""

    def array(self, public: PublicContext) -> pa.Array:
        """Every public value, in draw order."""
        return pa.array(self.values(public), self.type)


@dataclass(frozen=True)
class Choice:
    """Which keys of a sparse level have a row: by noisy levels of earlier stages alone."""

    keys: Callable[[PublicContext, Mapping[str, Measured]], Integers] | None
    """Ascending flat keys in draw order (`keys_within`); None in a derived product (`DerivedLevel.chosen`)."""
    missing: str
    """Why a row is not there: one sentence for the client's analyst."""


@dataclass(frozen=True)
class Level:
    """One vector of counts: its keys are all combinations of its dimensions' values, the last one running fastest."""

    name: str
    meaning: str
    dimensions: tuple[Dimension, ...]
    additive: frozenset[str] = frozenset()
    """Dimensions over which values may be added; over the others the same person would be counted again."""
    reading: str = "were counted at"
    """What the counted persons did, as it reads between their number and a place."""
    quantity: Quantity = PERSONS
    """What the numbers measure."""
    distinct: bool = False
    """Whether a person counts once a place, on however many days of the period: a stay next door on any day does."""
    share_within: tuple[str, ...] = ()
    """Dimensions of which equal values have a total: each value is also given as a share of it; empty: no shares."""
    once_every: int = 0
    """Hours in which a person has at most one key, so that the bound is their number in the period; 0: no such rule."""
    sparse: Choice | None = None
    """Only chosen keys are drawn, in a later stage; None: all of them."""
    apart: tuple[str, str] | None = None
    """Two dimensions of a sparse level, of the same values, that differ in every key: others cannot be chosen."""

    def __post_init__(self) -> None:
        if unknown := {*self.additive, *self.share_within} - {dimension.name for dimension in self.dimensions}:
            raise ValueError(f"{self.name} has no dimension {', '.join(sorted(unknown))}")

    def keys_of(self, hours: int) -> int:
        """The largest number of a person's keys in this many hours; 0 if the level has no such rule."""
        return round(hours / self.once_every) if self.once_every else 0

    def shape(self, public: PublicContext) -> tuple[int, ...]:
        """The number of values of each dimension."""
        return tuple(len(dimension.values(public)) for dimension in self.dimensions)

    def keys(self, public: PublicContext, chosen: Integers | None = None) -> pa.Table:
        """Every key in draw order, or the chosen flat ones, one column a dimension."""
        if self.sparse and chosen is None:
            raise defect(f"{self.name} has no chosen keys")
        flat = np.arange(math.prod(self.shape(public))) if chosen is None else chosen
        columns = zip(self.dimensions, np.unravel_index(flat, self.shape(public)), strict=True)
        return pa.table({each.name: each.array(public).take(pa.array(rows)) for each, rows in columns})


@dataclass(frozen=True)
class CountContext(PublicContext):
    """What a product counts from. Everything but the public part is confidential."""

    eligible: pa.Table
    """Persons who may be counted, ascending: pseudonym uint64, age_band int8 and gender int8 as indexes."""
    rules: Mapping[str, LevelRule]
    rows: Callable[["LakeTable"], Iterator[pa.Table]]
    """Rows of eligible persons, of days within their consent: whole persons, ascending within a table and over tables.
    Each table adds `member`, the person's row in `eligible`, and `day`, the index of the row's day in the period.
    """
    covered: Callable[[date], Mask]
    """Zones x hours of a day that had a valid cell: a public fact."""
    incomplete: Callable[[date], Mask]
    """Hours of a day that the noisy profile shows to be empty."""
    ingested: tuple[date, ...]
    """The period's days that are in the lake; `covered` and `incomplete` know these alone."""
    home: HomeRules
    """The fewest minutes that show a home and a workplace in the period."""
    drawn: Mapping[str, Measured] = field(default_factory=dict)
    """Noisy levels of earlier stages."""

    def homes(self, states: pa.Table) -> Homes:
        """Where the persons of a table's rows, which must be whole, live and work in the month."""
        return home_location(states, self.zones, self.home)

    def counter(self, level: Level) -> BoundedCounter:
        """An empty counter over the level's keys that enforces the level's bound."""
        return BoundedCounter(level.name, level.shape(self), self.rules[level.name].bound, self._chosen(level))

    def weighted_counter(self, level: Level) -> WeightedCounter:
        """An empty counter over the level's keys that weights each person's counts by the level's bound."""
        return WeightedCounter(level.name, level.shape(self), self.rules[level.name].bound, self._chosen(level))

    def _chosen(self, level: Level) -> Integers | None:
        """The chosen keys of a sparse level: the choice gets nothing confidential."""
        public = PublicContext(self.period, self.zones, self.timezone)
        return level.sparse.keys(public, self.drawn) if level.sparse and level.sparse.keys else None


Count = Callable[[CountContext], Sequence[Contributions]]


@dataclass(frozen=True)
class Declaration:
    """What every product declares, or every part of one: a product may be made differently at each cadence."""

    name: str
    version: int
    cadences: frozenset[Cadence]
    levels: tuple[Level, ...]
    audience: Audience
    population: Population

    @property
    def released(self) -> tuple[Level, ...]:
        """Every level of a release, in its order."""
        return self.levels

    def by_levels(self, names: Collection[str]) -> "Declaration":
        """This part, or its alternative if a policy or a release names the alternative's levels."""
        return self

    @property
    def share_within(self) -> dict[str, tuple[str, ...]]:
        """By level that has shares, the dimensions of which equal values have a total."""
        return {level.name: level.share_within for level in self.released if level.share_within}

    @property
    def part(self) -> str:
        """The name with its cadences: unique among all parts of all products."""
        return f"{self.name}.{'.'.join(sorted(self.cadences))}"

    @property
    def shared(self) -> tuple[int, Audience, Population]:
        """What all parts of a product have in common."""
        return self.version, self.audience, self.population

    @property
    def for_clients(self) -> bool:
        """Whether clients can be granted it."""
        return self.audience is Audience.CLIENTS

    def periods(self, day: date) -> tuple[Period, ...]:
        """The product's periods that hold the day, the shortest first."""
        return tuple(Period.holding(cadence, day) for cadence in Cadence if cadence in self.cadences)

    def rules(self, policy: Policy, cadence: Cadence, hours: int) -> tuple[LevelRule, ...]:
        """The rule of each drawn level, for a period's number of hours; empty without a draw."""
        return ()


@dataclass(frozen=True)
class DataProduct(Declaration):
    """Statistics that are counted from the lake, charged to the budget and drawn together as one release."""

    reads: tuple["LakeTable", ...]
    counts: tuple[Count, ...]
    """One a stage. A later stage sees the noisy levels of the earlier ones; the charge covers all of them."""
    same_persons: tuple[tuple[Level, Level], ...] = ()
    """Pairs of levels with equal sums by all that both split by, districts included; sparse ones in whole groups."""
    at_least: tuple[tuple[Level, Level], ...] = ()
    """Pairs of levels of which the first one's sums, grouped so, are at least the second one's."""
    statuses: Callable[[CountContext], Mapping[str, KeyStatuses]] = lambda context: {}
    summaries: tuple[Level, ...] = ()
    """Levels that `summarise` computes from the noisy, consistent ones of the same release, for free."""
    summarise: Callable[[CountContext, Mapping[str, Measured]], Mapping[str, DerivedLevel]] = lambda context, drawn: {}
    """The context of statuses: public facts, and no rows."""
    as_a_whole: bool = False
    """Whether every number is `incomplete` where more than a tenth of the period's hours is missing."""
    alternative: "DataProduct | None" = None
    """The same statistics by levels of other names; a policy lists either these or those."""

    def __post_init__(self) -> None:
        if self.reads and not self.cadences <= {table.pseudonym for table in self.reads}:
            raise ValueError(f"{self.name} needs a lake table under the pseudonyms of each of its cadences")

    @property
    def released(self) -> tuple[Level, ...]:
        """Drawn levels, then summaries."""
        return self.levels + self.summaries

    def rules(self, policy: Policy, cadence: Cadence, hours: int) -> tuple[LevelRule, ...]:
        """The policy's rule of each level, for a period's number of hours, in draw order."""
        levels = policy.levels(self.name, cadence)
        found = ((level, levels[self.policy_name(level)]) for level in self.by_levels(levels).levels)
        return tuple(
            LevelRule(level.name, rule.sigma, max(rule.bound, level.keys_of(hours)), rule.threshold)
            for level, rule in found
        )

    def by_levels(self, names: Collection[str]) -> "DataProduct":
        """This part, or its alternative if a policy or a release names the alternative's levels."""
        return other if (other := self.alternative) and any(level.name in names for level in other.levels) else self

    def policy_name(self, level: Level) -> str:
        """The level's key in the policy; empty where it is the product's only level."""
        return level.name if len(self.levels) > 1 else ""


@dataclass(frozen=True)
class DerivedProduct(Declaration):
    """Statistics computed from releases alone: nothing is read from the lake, drawn or charged."""

    inputs: Callable[[Period], Sequence[tuple[str, Period]]]
    """Product and period of each release that it needs, in the order in which `derive` gets them."""
    derive: Callable[[PublicContext, Sequence[StoredRelease]], Mapping[str, DerivedLevel]]
    sums: Callable[[Period], Sequence[Sequence[Period]]] | None = None
    """Periods of inputs that are added up together: without one of them, the sum has no number; None: all of them."""


Product = DataProduct | DerivedProduct
