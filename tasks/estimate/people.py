"""The estimator of people: unfolded by place, weighted by home, age band and gender, scaled to the census."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.estimate.detection import Detected, times
from tasks.estimate.footfall import DayEstimate
from tasks.estimate.gains import Together
from tasks.estimate.grid import Grid, grid
from tasks.estimate.scale import Factors
from tasks.estimate.smoothing import smoothed
from tasks.estimate.spec import CountedLevel, ErrorSource, Estimated, PublicFacts
from tasks.estimate.stays import of_false
from tasks.estimate.unfold import Unfolded
from tasks.interval import Z90
from tasks.quantity import PEOPLE, CountKind, Split

Reals = NDArray[np.float64]


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
        levels = {name: grid(release, name, of.dimensions) for name, of in facts.levels.items()}
        visits, detected = visits_of(levels, facts), detected_of(facts)
        for name, of in facts.levels.items():
            level = levels[name]
            found = _estimate(day, detected, level, of, visits)
            half = Z90 * np.sqrt(found.variance)
            persons = facts.closed and of.counted is CountKind.PERSONS and (of.distinct or of.instants)
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
    for name, of in facts.levels.items():
        arrival = of.splits.get(Split.ARRIVAL, "")
        if of.between == "zones" and of.counted is CountKind.STAYS and of.others() == (arrival,):
            return levels[name], of.dimensions[arrival]
    return None


def detected_of(facts: PublicFacts) -> Detected | None:
    """How many stays stand for a found one, if it is known."""
    return Detected(facts.detection, facts.district, facts.closed) if facts.detection else None


def _estimate(
    day: DayEstimate, detected: Detected | None, level: Grid, of: CountedLevel, visits: Visits | None
) -> LevelEstimate:
    front, found, factors = corrected(day, detected, level, of, visits)
    people, square = found.values * factors.value, factors.value**2
    sampling, counted, places = np.maximum(people, 0) * np.maximum(factors.value - 1, 0), found.variances, found.model
    if _hourly(day, of):
        sampling = sampling * _wide(of, day.scale.sampled, of.instants)
        if day.scale.places is not None:
            together = Together(*(_wide(of, part, of.instants) for part in vars(day.scale.places).values()))
            counted, places = together.parts(counted, np.maximum(found.values, 1))
    noise, model = square * counted + people**2 * factors.noise, square * places + people**2 * factors.model
    return LevelEstimate(*(level.back(part, *front) for part in (people, noise, sampling, model)))


def placed(day: DayEstimate, level: Grid, of: CountedLevel) -> Placed:
    """By the kind of places."""
    if len(of.places) > 1:
        return _pairs(day, level, of)
    if of.instants:
        return _present(day, level, of)
    return of.places, day.stays(*level.moved(*of.places), of.between, of.distinct), _factors(day, of)


def corrected(
    day: DayEstimate, detected: Detected | None, level: Grid, of: CountedLevel, visits: Visits | None = None
) -> Placed:
    """As `placed`, of stays with those that events miss. `visits`: of the same release."""
    front, found, factors = placed(day, level, of)
    if of.instants:
        return front, found, factors
    factors = times(factors, _false(day, of, detected is not None))
    if detected is None:
        return front, found, factors
    factors = times(factors, detected.here)
    if detected.tells_lengths(of):
        return front, detected.dwell(found, Split.DAY_PART in of.splits), factors
    return front, found, times(factors, _missed(detected, level, of, visits))


def _false(day: DayEstimate, of: CountedLevel, seen: bool) -> Factors:
    """By stays shown next door. What pairs of zones lose is in the error of their places; one end of a flow is open."""
    if len(of.places) > 1:
        lost = day.lost(of.between) * (of.between == "districts")
        return of_false(seen, (lost, lost))
    return of_false(seen, (day.lost(of.between),), of.trips or Split.LENGTH in of.splits)


def _missed(detected: Detected, level: Grid, of: CountedLevel, visits: Visits | None) -> Factors:
    """What stands for a found one of a level without classes of length."""
    districts = of.between == "districts"
    if len(of.places) > 1:
        return detected.pairs(level.moved(*of.places)[0].sum(axis=2), districts)
    if of.trips:
        return detected.flows(districts)
    if Split.ARRIVAL in of.splits:
        arrival = of.splits[Split.ARRIVAL]
        found = along(of, detected.arrivals(of.dimensions[arrival]), arrival)
    elif of.counted is CountKind.STAYS:
        found = detected.visits
    elif visits and not (districts or of.distinct or of.others()):
        return detected.visitors(level, *visits)
    else:
        found = detected.persons
    return detected.in_districts(found) if districts else found


def _present(day: DayEstimate, level: Grid, of: CountedLevel) -> Placed:
    """Persons at instants."""
    counts = level.moved(*of.places)
    if of.between == "zones":
        if not _hourly(day, of):
            return of.places, day.unfolding(*smoothed(*counts)), day.zones
        chance = _wide(of, day.chance[None], of.instants)
        return of.places, day.unfolding(*smoothed(*counts, chance)), along(of, day.scale.zones, of.instants)
    if day.has_groups(level):
        return (*of.places, of.instants), day.present.smooth or day.present.groups, day.scale.groups
    return of.places, day.in_districts(*counts), day.districts


def _hourly(day: DayEstimate, of: CountedLevel) -> bool:
    """Whether these are persons of zones at the instants of footfall."""
    return of.between == "zones" and bool(of.instants) and tuple(of.dimensions[of.instants]) == day.instants


def _factors(day: DayEstimate, of: CountedLevel) -> Factors:
    """Of a level of stays by one place, [place, other keys]."""
    zones, homes = of.between == "zones", of.splits.get(Split.HOME)
    groups = [of.splits[each] for each in (Split.AGE_BAND, Split.GENDER) if each in of.splits]
    if homes:
        return along(of, day.of_homes([str(home) for home in of.dimensions[homes]]), homes)
    if len(groups) > 1:
        return along(of, day.of_groups if zones else day.groups, *groups)
    return day.zones if zones else day.districts


def along(of: CountedLevel, factors: Factors, *names: str) -> Factors:
    """Factors [place, these dimensions as one] as [place, all but places as one]."""
    return Factors(*(_wide(of, part, *names) for part in vars(factors).values()))


def _wide(of: CountedLevel, part: Reals, *names: str) -> Reals:
    sizes = [len(of.dimensions[name]) for name in of.others()]
    own = [size if name in names else 1 for name, size in zip(of.others(), sizes, strict=True)]
    return np.broadcast_to(part.reshape(-1, *own), (len(part), *sizes)).reshape(len(part), -1)


def _pairs(day: DayEstimate, level: Grid, of: CountedLevel) -> Placed:
    """Both ends of trips. The matrix of chosen pairs of zones is not whole: of their errors, the losses are known."""
    front, (values, variances) = of.places, level.moved(*of.places)
    if of.between == "zones":
        return front, Unfolded(values, variances, _lost(day, values)), _both_ends(day.zones)
    by_origin, by_destination = (_model(day, part) for part in (values, values.transpose(1, 0, 2)))
    model = by_origin + by_destination.transpose(1, 0, 2)
    return front, Unfolded(values, variances, model), _both_ends(day.districts)


def _lost(day: DayEstimate, trips: Reals) -> Reals:
    """The squares of what pairs of zones lose at each end, [zone, zone, column]."""
    lost = np.square(day.lost("zones"))
    return np.asarray(np.square(trips) * (lost[:, None] + lost)[..., None])


def _model(day: DayEstimate, trips: Reals) -> Reals:
    """The squared error of the first district of trips [district, district, column]."""
    flat = trips.reshape(len(trips), -1)
    return day.stays(flat, np.zeros_like(flat), "districts").model.reshape(trips.shape)


def _both_ends(places: Factors) -> Factors:
    """[origin, destination, 1] the mean of both."""
    return Factors(*((part[:, None] + part[None]) / 2 for part in vars(places).values()))
