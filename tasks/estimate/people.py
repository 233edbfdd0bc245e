"""The estimator of people: unfolded by place, weighted by home, age band and gender, scaled to the census."""

from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.estimate.footfall import GROUP, DayEstimate, time_of
from tasks.estimate.grid import Grid, grid
from tasks.estimate.scale import Factors
from tasks.estimate.smoothing import smoothed
from tasks.estimate.spec import Dimensions, ErrorSource, Estimated, PublicFacts
from tasks.estimate.stays import unseen
from tasks.estimate.unfold import Unfolded
from tasks.interval import Z90
from tasks.quantity import PEOPLE

Reals = NDArray[np.float64]
HOME = "home_district_id"


@dataclass(frozen=True)
class LevelEstimate:
    """People of some keys, and the variances of their error by its source."""

    people: Reals
    noise: Reals
    """The noise of the release, of the panel and of the hour's total."""
    sampling: Reals
    """Who happens to be in the panel."""
    model: Reals
    """Radio, homes and the assumption on the area."""

    @property
    def parts(self) -> tuple[Reals, Reals, Reals]:
        """In the order of ErrorSource."""
        return self.noise, self.sampling, self.model

    @property
    def variance(self) -> Reals:
        """Of the whole error."""
        return self.noise + self.sampling + self.model


class PeopleEstimator:
    """Unfolds, weights and scales: docs/explanation/people.md."""

    name = "people/1"

    def __init__(self) -> None:
        self._latest: DayEstimate | None = None
        self._lock = Lock()

    def _day(self, facts: PublicFacts) -> DayEstimate:
        """The latest one if it is of the same day: its products go to one client after the other."""
        with self._lock:
            if self._latest is None or not facts.digest or self._latest.facts.digest != facts.digest:
                self._latest = DayEstimate(facts)
            return self._latest

    def __call__(self, release: pa.Table, facts: PublicFacts) -> Estimated:
        """`people` and its interval for each row of a level that counts; null elsewhere."""
        columns, day = np.full((3, release.num_rows), np.nan), self._day(facts)
        parts = np.zeros(3)
        for name, dimensions in facts.levels.items():
            level = grid(release, name, dimensions)
            found = _estimate(day, level, dimensions, name in facts.distinct)
            half = Z90 * np.sqrt(found.variance)
            columns[:, level.rows] = np.maximum([found.people, found.people - half, found.people + half], 0)
            weight = np.maximum(found.people, 0) / np.maximum(found.variance, 1e-9)  # large numbers matter more
            parts += [np.sum(weight * part) for part in found.parts]
        made = zip(PEOPLE, columns, strict=True)
        return Estimated(
            pa.table({name: pa.array(each, mask=np.isnan(each)) for name, each in made}),
            (*ErrorSource,)[int(np.argmax(parts))],
            tuple(np.array(facts.zone_ids)[day.unfolding.weak].tolist()),
            day.weights.effective_size,
        )


Placed = tuple[tuple[str, ...], Unfolded, Factors]
"""The dimensions in front, then all others as one: counts by true place, and the factors of each."""


def _estimate(day: DayEstimate, level: Grid, dimensions: Dimensions, distinct: bool) -> LevelEstimate:
    front, found, factors = placed(day, level, dimensions, distinct)
    people, square = found.values * factors.value, factors.value**2
    sampling, places = np.maximum(people, 0) * np.maximum(factors.value - 1, 0), square * found.model
    if "zone_id" in dimensions and time_of(dimensions):
        sampling = sampling * day.scale.sampled
        places = places if day.scale.places is None else square * np.maximum(found.values, 1) ** 2 * day.scale.places
    noise, model = square * found.variances + people**2 * factors.noise, places + people**2 * factors.model
    return LevelEstimate(*(level.back(part, *front) for part in (people, noise, sampling, model)))


def placed(day: DayEstimate, level: Grid, dimensions: Dimensions, distinct: bool = False) -> Placed:
    """By the kind of places; `distinct`: persons, each counted once over several days."""
    time = time_of(dimensions)
    if "district_id" in dimensions and time:
        return ("district_id", time), day.present.smooth or day.present.groups, day.scale.groups
    if "district_id" in dimensions:
        return ("district_id",), day.stays(*level.moved("district_id"), "districts", distinct), day.districts
    if "zone_id" in dimensions and time:
        return ("zone_id",), day.unfolding(*smoothed(*level.moved("zone_id"))), day.scale.zones
    if "zone_id" in dimensions:
        return ("zone_id",), day.stays(*level.moved("zone_id"), "zones", distinct), _factors(day, dimensions)
    return _pairs(day, level, *(name for name in dimensions if name.startswith(("origin_", "destination_"))))


def _factors(day: DayEstimate, dimensions: Dimensions) -> Factors:
    """Of a level of stays by zones, [zone, other keys]."""
    if HOME in dimensions:
        return day.of_homes([str(home) for home in dimensions[HOME]])
    return day.of_groups if set(GROUP) <= set(dimensions) else day.zones


def _pairs(day: DayEstimate, level: Grid, origin: str, destination: str) -> Placed:
    """Both ends of trips. The matrix of chosen pairs of zones is not whole: of their errors, the losses are known."""
    front, (values, variances) = (origin, destination), level.moved(origin, destination)
    if origin == "origin_zone_id":
        return front, Unfolded(values, variances, 2 * unseen(values) + _lost(day, values)), _both_ends(day.zones)
    by_origin, by_destination = (_model(day, part) for part in (values, values.transpose(1, 0, 2)))
    model = by_origin + by_destination.transpose(1, 0, 2)
    return front, Unfolded(values, variances, model), _both_ends(day.districts)


def _lost(day: DayEstimate, trips: Reals) -> Reals:
    """The squares of what pairs of zones lose at each end, [zone, zone, column]."""
    lost = np.square(1 - np.diagonal(day.between_zones.models[0].dense))
    return np.asarray(np.square(trips) * (lost[:, None] + lost)[..., None])


def _model(day: DayEstimate, trips: Reals) -> Reals:
    """The squared error of the first district of trips [district, district, column]."""
    flat = trips.reshape(len(trips), -1)
    return day.stays(flat, np.zeros_like(flat), "districts").model.reshape(trips.shape)


def _both_ends(places: Factors) -> Factors:
    """[origin, destination, 1] the mean of both."""
    return Factors(*((part[:, None] + part[None]) / 2 for part in vars(places).values()))
