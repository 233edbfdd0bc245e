"""How many stays, visitors and trips stand for a found one, by place: post-processing of releases of one day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.estimate.dwell_classes import ELSEWHERE, LEAST, DwellClasses
from tasks.estimate.grid import Grid, grid
from tasks.estimate.scale import Factors
from tasks.estimate.smoothing import smoothed
from tasks.estimate.spec import CountedLevel, Detection
from tasks.estimate.unfold import Unfolded
from tasks.quantity import Split

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]

BEFORE, OVERNIGHT, MISSED = "before", "overnight", "missed"
LEVEL = "zone_dwell"
EVENING, EARLIER = "evening", "afternoon"
"""Windows of stays that go on overnight: of those that begin in the evening, and before."""


MIXED = 1.0
"""Of a class, as many more or fewer as are shown as another one: an assumption."""
MOST_WITHOUT = 0.6
"""Of found visits, the largest share that ends no found trip."""
VARIANTS = 4
"""Of a person, as many of each window are counted."""


class Shown:
    """What windows show, of a release of detection."""

    def __init__(self, table: pa.Table) -> None:
        rows = table.select(["window", "shows", "value"]).to_pylist()
        self.windows = {row["window"] for row in rows}
        self._number = max(sum(row["value"] for row in rows) / len(self.windows), 1.0)
        self._value = dict[tuple[str, str], float]()
        for window in self.windows:
            of = {row["shows"]: row["value"] for row in rows if row["window"] == window}
            true = nearest(np.array(list(of.values())), self._number)
            self._value |= {(window, each): float(value) for each, value in zip(of, true, strict=True)}
        self.persons = self._number / VARIANTS
        """Phones with an event on the day."""
        self.noise = float(np.sqrt(np.mean(np.square(table["se"])))) / self._number

    def share(self, window: str, *shows: str) -> Reals:
        """How often a window shows each of these."""
        return np.asarray(np.array([self._value.get((window, each), 0.0) for each in shows]) / self._number)

    def found(self, window: str) -> float:
        """How often it shows anything."""
        return float(np.clip(1 - self.share(window, MISSED)[0], LEAST, 1))


def nearest(noisy: Reals, total: float) -> Reals:
    """The nearest numbers that are not negative and have this sum (Held, Wolfe, Crowder 1974).

    Negative ones alone as 0 would add noise to the sum.
    """
    descending = np.sort(noisy)[::-1]
    over = (np.cumsum(descending) - total) / np.arange(1, len(noisy) + 1)
    return np.asarray(np.maximum(noisy - over[descending > over][-1], 0.0))


@dataclass(frozen=True)
class Detected:
    """Corrections of a day's counts of stays, as factors."""

    facts: Detection
    district: Ints
    """Of each zone."""
    closed: bool
    """Whether nobody comes from outside."""

    @cached_property
    def shown(self) -> Shown:
        """What windows of the day show."""
        return Shown(self.facts.windows)

    @cached_property
    def _stays(self) -> Grid:
        """[zone, part of the day, class] found stays that began on the day, without most of their noise."""
        made = grid(self.facts.dwell, LEVEL, self.facts.dimensions)
        found = smoothed(*made.moved("zone_id"))
        values, variances = (part.reshape(made.values.shape) for part in found)
        return replace(made, values=values, variances=variances)

    @cached_property
    def _by_zone(self) -> tuple[Reals, Reals]:
        return self._stays.values.sum(axis=1), self._stays.variances.sum(axis=1)

    @cached_property
    def classes(self) -> DwellClasses:
        """Of all zones."""
        bins, shown = [str(name) for name in self.facts.dimensions["dwell_bin"]], self.shown
        rows = [shown.share(name if name in shown.windows else "", *bins) for name in bins[:-1]]
        found, variances = (part.sum(axis=0) for part in self._by_zone)
        rows.append(self._overnight @ np.array([shown.share(window, *bins) for window in self._windows]))
        return DwellClasses(bins, found, variances, np.array(rows), shown.noise, self.facts.min_dwell)

    @property
    def _windows(self) -> list[str]:
        """By part of the day, of stays overnight that begin then."""
        return [EVENING if part == EVENING else EARLIER for part in self.facts.dimensions["day_part"]]

    @cached_property
    def _overnight_shown(self) -> Reals:
        """[part of the day] how often a stay overnight that begins then is shown as one."""
        return np.array([max(float(self.shown.share(each, OVERNIGHT)[0]), LEAST) for each in self._windows])

    @cached_property
    def _overnight(self) -> Reals:
        """[part of the day] its share of true stays overnight."""
        found, noise = (part[..., -1].sum(axis=0) for part in (self._stays.values, self._stays.variances))
        true = np.maximum(found, np.sqrt(noise) + 1e-9) / self._overnight_shown
        return np.asarray(true / true.sum())

    @cached_property
    def visits(self) -> Factors:
        """[zone, 1] visits that began on the day: as of all zones, and what a zone's own classes tell beyond noise."""
        (values, variances), classes = self._by_zone, self.classes
        apart = classes.by_found.sum(axis=0) - classes.mean
        number = np.maximum(values.sum(axis=1), 3 * np.sqrt(variances.sum(axis=1)) + 1)
        own, noise = values @ apart / number, variances @ np.square(apart) / np.square(number)
        weight = np.square(number)
        spread = max(0.0, float((weight * (np.square(own) - noise)).sum() / weight.sum()))
        kept = spread / np.maximum(spread + noise, 1e-12)
        value = classes.mean + kept * own
        left = (1 - kept) * spread / classes.mean**2 + classes.mean_noise
        return _factors(value[:, None], left[:, None], classes.mean_error)

    @property
    def here(self) -> Factors:
        """[1, 1] the share of hours with a place: hours without one are in the scale of footfall, and not in stays."""
        share = self.shown.found("hour")
        return _factors(np.full((1, 1), share), np.zeros((1, 1)), ELSEWHERE * (1 - share))

    @property
    def _before(self) -> Factors:
        """[1, 1] visits since before midnight."""
        share = max(float(self.shown.share("night", BEFORE)[0]), LEAST)
        return _factors(np.full((1, 1), 1 / share), np.zeros((1, 1)), ELSEWHERE * (1 - share) / share)

    def arrivals(self, names: Sequence[object]) -> Factors:
        """[zone, arrival] visits."""
        today, before = self.visits, self._before
        some = [_parts(before if name == BEFORE else today) for name in names]
        columns = [[np.broadcast_to(part, today.value.shape) for part in parts] for parts in some]
        return Factors(*(np.concatenate(part, axis=1) for part in zip(*columns, strict=True)))

    def visitors(self, persons: Grid, visits: Grid, arrivals: Sequence[object]) -> Factors:
        """[zone, 1] persons of a day: visits without repeated ones, which show where both visits are found."""
        each, both = self.arrivals(arrivals), 1 / self.shown.found("both")
        found = np.maximum(persons.values, 3 * np.sqrt(persons.variances) + 1)
        true = both * persons.values + ((each.value - both) * visits.values).sum(axis=1)
        value = np.clip(true / found, 1, each.value.max(axis=1))
        noise = (np.square(each.value - both) * visits.variances).sum(axis=1) / np.square(found * value)
        number = np.square(np.maximum(each.value * visits.values, 0))
        whole = np.maximum(number.sum(axis=1), 1e-9)
        shared = [(part * number).sum(axis=1) / whole for part in (each.noise, each.model)]
        return Factors(*(part[:, None] for part in (value, noise + shared[0], shared[1])))

    @property
    def persons(self) -> Factors:
        """[zone, 1] persons of several days: who comes once is found as a visit is, and who comes often is found."""
        once = self.visits
        value, apart = (1 + once.value) / 2, (once.value - 1) / 2
        return Factors(value, once.noise / 4, once.model / 4 + np.square(apart / value) / 3)

    @cached_property
    def _trips(self) -> Factors:
        """[1, 1] trips. Each visit of today ends one; of found ones, not if the stay before was not found."""
        without, noise = self._without
        value, more = self.classes.mean / (1 - without), self.classes.mean_noise + noise / (1 - without) ** 2
        error = self.classes.mean_error + ELSEWHERE * without / (1 - without)
        return _factors(np.full((1, 1), value), np.full((1, 1), more), error)

    @property
    def _without(self) -> tuple[float, float]:
        """The share of found visits that end no found trip, and the variance of its noise.

        In a closed area, releases tell it. Elsewhere visitors also come from outside: it is that of persons who were
        found by day and not at night.
        """
        visits, noise = max(float(self.classes.found.sum()), 1.0), float(self.classes.variances.sum())
        if not self.closed or self.facts.trips is None:
            late = max(0.0, self.shown.found("any") - self.shown.found("night"))
            return min(late * self.shown.persons / visits, MOST_WITHOUT), 0.0
        trips, of_trips = self.facts.trips
        share = float(np.clip(1 - trips / visits, 0, MOST_WITHOUT))
        return share, (of_trips + (1 - share) ** 2 * noise) / visits**2

    def pairs(self, trips: Reals, districts: bool) -> Factors:
        """[origin, destination, 1] trips [origin, destination]: both ends are found, and the sum is known."""
        ends = self.in_districts(self.visits) if districts else self.visits
        shape, number, whole = ends.value * ends.value.T, np.maximum(trips, 0), self._trips
        value = whole.value * shape * (number.sum() / max(float((shape * number).sum()), 1e-9))
        noise = ends.noise + ends.noise.T + whole.noise
        return Factors(*(part[..., None] for part in (value, noise, np.broadcast_to(whole.model, noise.shape))))

    def flows(self, districts: bool) -> Factors:
        """[place, 1] trips that leave or enter."""
        ends, whole = self.in_districts(self.visits) if districts else self.visits, self._trips
        visits, noise = (part.sum(axis=1) for part in self._by_zone)
        found = np.maximum(visits, np.sqrt(noise) + LEAST)[:, None]  # in noise alone, all places weigh as much
        found = np.bincount(self.district, found[:, 0])[:, None] if districts else found
        mean = float((ends.value * found).sum() / found.sum())
        return times(whole, Factors(ends.value / mean, ends.noise, np.zeros_like(ends.value)))

    def in_districts(self, zones: Factors) -> Factors:
        """[district, ...] means over found visits."""
        found = np.maximum(self._by_zone[0].sum(axis=1), 1e-9)
        into = np.eye(int(self.district.max()) + 1)[:, self.district] * found
        into /= into.sum(axis=1, keepdims=True)
        return Factors(*(into @ part for part in _parts(zones)))

    def tells_lengths(self, of: CountedLevel) -> bool:
        """Whether a level's stays are split by the classes that dwell has."""
        classes = {name: tuple(self.facts.dimensions[name]) for name in ("day_part", "dwell_bin")}
        parts, lengths = (of.splits.get(each, "") for each in (Split.DAY_PART, Split.LENGTH))
        own = [tuple(of.dimensions.get(name, ())) for name in (parts, lengths)]
        return own[1] == classes["dwell_bin"] and own[0] in ((), classes["day_part"])

    def dwell(self, found: Unfolded, parts: bool = True) -> Unfolded:
        """True stays of [place, any, part of the day and class], all but the place as one; or without `parts`."""
        classes, bins = self.classes, len(self.classes.bins)
        by_part = np.ones((len(self._windows) if parts else 1, bins))
        if parts:
            mean = 1 / float(self._overnight @ self._overnight_shown)
            by_part[:, -1] = 1 / (self._overnight_shown * mean)
        shape = (-1, *by_part.shape)
        values, variances, model = (
            (part.reshape(shape) * by_part**power).reshape(-1, bins)
            for part, power in ((found.values, 1), (found.variances, 2), (found.model, 2))
        )
        true, squares = values @ classes.by_found.T, np.square(classes.by_found).T
        chance = np.maximum(np.maximum(values, 0) @ squares - np.maximum(true, 0), 0)
        errors = np.square(np.sqrt(model) @ classes.by_found.T) + np.square(true) * (
            np.square(classes.error) + np.square(MIXED * classes.mixed)
        )
        # Found stays that are not taken for true ones are no surer than they were.
        noise = np.maximum(variances @ squares, variances) + chance + classes.mean_noise * np.square(true)
        return Unfolded(*(part.reshape(found.values.shape) for part in (true, noise, errors)))


def times(one: Factors, other: Factors) -> Factors:
    """Both, of independent errors."""
    return Factors(one.value * other.value, one.noise + other.noise, one.model + other.model)


def _factors(value: Reals, noise: Reals, error: float) -> Factors:
    """`error`: relative standard deviation of what is assumed."""
    return Factors(value, noise, np.full_like(value, error**2))


def _parts(factors: Factors) -> tuple[Reals, Reals, Reals]:
    return factors.value, factors.noise, factors.model
