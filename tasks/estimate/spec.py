"""What an estimator is: people in a place, from a released table and public facts alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.demographics import Margins
from tasks.errors import StepFailed
from tasks.quantity import PEOPLE, CountKind, Split

PlaceKind = Literal["zones", "districts"]
Dimensions = Mapping[str, Sequence[object]]
"""Each key column of a level in draw order, with its public values."""


@dataclass(frozen=True)
class Footfall:
    """A day's footfall: how many persons of the panel were in each place at each hour."""

    table: pa.Table
    levels: Mapping[str, Dimensions]
    timezone: ZoneInfo

    def hours(self, times: Sequence[object]) -> list[int]:
        """Local hours of instants."""
        return [time.astimezone(self.timezone).hour for time in times if isinstance(time, datetime)]


@dataclass(frozen=True)
class Detection:
    """What tells how many stays events show: releases of detection and of dwell, of one day."""

    windows: pa.Table
    dwell: pa.Table
    dimensions: Dimensions
    """Of dwell's level: zone, part of the day, class of length."""
    min_dwell: float
    """Minutes of the shortest stay."""
    trips: tuple[float, float] | None = None
    """All trips of the day as released, and the variance of their noise; None: not published."""


@dataclass(frozen=True)
class CountedLevel:
    """A level of a release that counts persons, or what they did: what its product declares of it."""

    dimensions: Dimensions
    """Splits last, in the order of `Split`."""
    counted: CountKind
    between: PlaceKind
    places: tuple[str, ...]
    """The dimensions of places: one, or where something begins and where it ends."""
    splits: Mapping[Split, str] = field(default_factory=dict)
    """The dimension of each split."""
    instants: str = ""
    """The dimension of instants at which persons were present; empty for what takes time."""
    distinct: bool = False
    """Whether each person counts once over several days."""

    @property
    def trips(self) -> bool:
        """Whether both ends of what is counted were seen."""
        return self.counted is CountKind.TRIPS or len(self.places) > 1

    def others(self, *known: str) -> tuple[str, ...]:
        """Dimensions that are neither places nor these."""
        return tuple(name for name in self.dimensions if name not in (*self.places, *known))


@dataclass(frozen=True)
class PublicFacts:
    """What an estimator may use besides the release."""

    levels: Mapping[str, CountedLevel]
    """By name, in the order of the release."""
    zone_ids: tuple[str, ...]
    district: NDArray[np.int32]
    """Of each zone, as an index into `districts`."""
    districts: tuple[str, ...]
    confusion: pa.Table
    """Of the day's zone and cell plan: model, assigned_zone, true_zone, share."""
    stay_confusion: pa.Table
    """The same of stays."""
    margins: Margins
    footfall: Footfall
    panel: pa.Table | None
    """The latest earlier release of the panel; None in the first month."""
    closed: bool
    """Whether all residents are in the area at every hour."""
    detection: Detection | None = None
    digest: str = ""
    """Of everything but levels and `detection`, which differ by product: what is computed from the day is kept for its
    next release. Empty: not kept."""


class ErrorSource(StrEnum):
    """Where most of an estimate's error comes from."""

    NOISE = "noise"
    SAMPLING = "sampling"
    MODEL = "model"


@dataclass(frozen=True)
class Estimated:
    """An estimate of a whole release."""

    columns: pa.Table
    """`people`, `people_low`, `people_high` (float64) for each row; null where there is none."""
    largest_error: ErrorSource
    weak_zones: tuple[str, ...]
    """Zones that cannot be distinguished from their neighbours."""
    effective_size: float
    """Persons of an equally weighted panel of the same precision (Kish 1965)."""


class Estimator(Protocol):
    """Estimates people for each row of a release."""

    @property
    def name(self) -> str:
        """Name and version, as manifests state them; another name gives another delivery."""
        ...

    def __call__(self, release: pa.Table, facts: PublicFacts) -> Estimated:
        """The people of each row, from the release and public facts alone."""
        ...


def with_people(release: pa.Table, estimator: str, people: pa.Table) -> pa.Table:
    """The release with an estimator's columns; raises StepFailed if it does not give one number a row."""
    if tuple(people.column_names) != PEOPLE or people.num_rows != release.num_rows:
        raise StepFailed(
            f"Estimator {estimator} does not give {', '.join(PEOPLE)} for each row of the release.",
            "This is a defect of the estimator: nothing was sent.",
            "estimate.columns",
        )
    for name in PEOPLE:
        release = release.append_column(name, people[name].cast(pa.float64()))
    return release


def is_whole(release: pa.Table, levels: Collection[str]) -> bool:
    """Whether each number of these levels has its estimate, in a release with people."""
    number = np.asarray(pc.is_in(release["level"], pa.array(levels))) & np.asarray(pc.is_valid(release["value"]))
    return all(np.isfinite(np.asarray(release[name], np.float64)[number]).all() for name in PEOPLE)
