"""The estimator of people: unfolded by place, weighted by home, age band and gender, scaled to the census."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.estimate.detection import Detected, times
from tasks.estimate.footfall import GROUP, DayEstimate, time_of
from tasks.estimate.grid import Grid, grid
from tasks.estimate.scale import Factors
from tasks.estimate.smoothing import smoothed
from tasks.estimate.spec import Dimensions, ErrorSource, Estimated, PublicFacts
from tasks.estimate.stays import of_false
from tasks.estimate.unfold import Unfolded
from tasks.interval import Z90
from tasks.quantity import PEOPLE

Reals = NDArray[np.float64]
VISITS = "zone_visits"
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

    name = "people/2"

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
        levels = {name: grid(release, name, dimensions) for name, dimensions in facts.levels.items()}
        visits, detected = visits_of(levels, facts), detected_of(facts)
        for name, dimensions in facts.levels.items():
            level = levels[name]
            found = _estimate(day, detected, level, dimensions, name in facts.distinct, visits)
            half = Z90 * np.sqrt(found.variance)
            persons = facts.closed and (name in facts.distinct or bool(time_of(dimensions)))
            most = float(day.strata.residents.sum()) if persons else np.inf
            columns[:, level.rows] = np.clip([found.people, found.people - half, found.people + half], 0, most)
            weight = np.maximum(found.people, 0) / np.maximum(found.variance, 1e-9)  # large numbers matter more
            parts += [np.sum(weight * part) for part in found.parts]
        made = zip(PEOPLE, columns, strict=True)
        return Estimated(
            pa.table({name: pa.array(each, mask=np.isnan(each)) for name, each in made}),
            (*ErrorSource,)[int(np.argmax(parts))],
            tuple(np.array(facts.zone_ids)[day.unfolding.weak].tolist()),
            day.weights.effective_size,
        )


Visits = tuple[Grid, Sequence[object]]
"""Visits of the same release by zone and arrival, and the arrivals."""
Placed = tuple[tuple[str, ...], Unfolded, Factors]
"""The dimensions in front, then all others as one: counts by true place, and the factors of each."""


def visits_of(levels: Mapping[str, Grid], facts: PublicFacts) -> Visits | None:
    """If the release has them."""
    return (levels[VISITS], facts.levels[VISITS]["arrival"]) if VISITS in levels else None


def detected_of(facts: PublicFacts) -> Detected | None:
    """How many stays stand for a found one, if it is known."""
    return Detected(facts.detection, facts.district, facts.closed) if facts.detection else None


def _estimate(
    day: DayEstimate,
    detected: Detected | None,
    level: Grid,
    dimensions: Dimensions,
    distinct: bool,
    visits: Visits | None,
) -> LevelEstimate:
    front, found, factors = corrected(day, detected, level, dimensions, distinct, visits)
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


def corrected(
    day: DayEstimate,
    detected: Detected | None,
    level: Grid,
    dimensions: Dimensions,
    distinct: bool = False,
    visits: Visits | None = None,
) -> Placed:
    """As `placed`, of stays with those that events miss. `visits`: of the same release."""
    front, found, factors = placed(day, level, dimensions, distinct)
    if time_of(dimensions):
        return front, found, factors
    trips = "zone_id" not in dimensions
    factors = times(factors, of_false(detected is not None, len(front), 1 + trips))
    if detected is None:
        return front, found, factors
    factors = times(factors, detected.here)
    if "dwell_bin" in dimensions:
        return front, detected.dwell(found), factors
    return front, found, times(factors, _missed(detected, level, dimensions, None if distinct else visits))


def _missed(detected: Detected, level: Grid, dimensions: Dimensions, visits: Visits | None) -> Factors:
    """What stands for a found one of a level without classes of length."""
    if "arrival" in dimensions:
        return detected.arrivals(dimensions["arrival"])
    if "zone_id" in dimensions:
        return detected.visitors(level, *visits) if visits and len(dimensions) == 1 else detected.persons
    if "district_id" in dimensions:
        return detected.flows
    ends = [name for name in dimensions if name.startswith(("origin_", "destination_"))]
    return detected.pairs(level.moved(*ends)[0].sum(axis=2), "origin_district_id" in dimensions)


def _factors(day: DayEstimate, dimensions: Dimensions) -> Factors:
    """Of a level of stays by zones, [zone, other keys]."""
    if HOME in dimensions:
        return day.of_homes([str(home) for home in dimensions[HOME]])
    return day.of_groups if set(GROUP) <= set(dimensions) else day.zones


def _pairs(day: DayEstimate, level: Grid, origin: str, destination: str) -> Placed:
    """Both ends of trips. The matrix of chosen pairs of zones is not whole: of their errors, the losses are known."""
    front, (values, variances) = (origin, destination), level.moved(origin, destination)
    if origin == "origin_zone_id":
        return front, Unfolded(values, variances, _lost(day, values)), _both_ends(day.zones)
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
