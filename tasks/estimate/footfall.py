"""A day's footfall by true place, and how many people stand behind it: the scale of every product of the day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.demographics import AGE_BANDS, GENDERS
from tasks.estimate.gains import Gains, fit
from tasks.estimate.grid import Grid, grid
from tasks.estimate.homes import AT_HOME
from tasks.estimate.nights import Night
from tasks.estimate.raking import targets
from tasks.estimate.scale import Factors, Present, Scale, Strata, at_night, scale
from tasks.estimate.smoothing import shared_noise, smoothed
from tasks.estimate.spec import Dimensions, PlaceKind, PublicFacts
from tasks.estimate.stays import Chances, chances, of_a_day, of_days
from tasks.estimate.unfold import Unfolded, Unfolding, patterns, unfolding
from tasks.estimate.weights import Weights, panel_counts, rake

Reals = NDArray[np.float64]
TIMES = ("hour_start", "slot_start")
WORKING = range(9, 17)
"""Local hours in which those are elsewhere who are not at home."""


def time_of(dimensions: Dimensions) -> str:
    """The dimension of instants; empty without one."""
    return next((name for name in TIMES if name in dimensions), "")


@dataclass(frozen=True)
class DayEstimate:
    """Estimates of one day."""

    facts: PublicFacts

    @cached_property
    def unfolding(self) -> Unfolding:
        """Between zones: by plans and, if a census is by zone, by what nights teach."""
        if self._gains is None:
            return self._plans
        planned = self._planned.zones.values.mean(axis=1)
        return self._plans.learnt(self._gains, np.maximum(np.maximum(planned, self._home), 1))

    @cached_property
    def present(self) -> Present:
        """Persons of the panel who were counted, by true place."""
        found = self._present(self.unfolding)
        shared = shared_noise(*self._counts, found.at_night)
        return replace(found, learnt=self._gains, inverse=self.unfolding.inverse, shared=shared)

    @cached_property
    def weights(self) -> Weights:
        """By home district, age band and gender: from the panel's release, or from the night hours of this day."""
        columns = self.present.at_night
        return self._weights(Unfolded(*(part[:, columns] for part in vars(self.present.groups).values())))

    @cached_property
    def strata(self) -> Strata:
        """Residents and weights by home."""
        return self._strata(self.weights)

    @cached_property
    def _plans(self) -> Unfolding:
        return unfolding(self.facts.confusion, self.facts.zone_ids, self._usual)

    @cached_property
    def chance(self) -> Reals:
        """[hour] variance of counts for each person, by who is in the panel and which antenna serves.

        Of those at home by night and at the hour, nights tell both.
        """
        residents, counted = np.nansum(self._targets[0]), self._counts[0].sum(axis=0).mean()
        sampled = max(1 - float(counted) / max(float(residents), 1e-9), 0.0)
        return (1 - AT_HOME[list(self._hours)] ** 2) * (sampled + self._plans.chance)

    @property
    def _usual(self) -> Reals:
        """What zones follow that counts cannot tell apart: their residents; unknown, what their antennas count."""
        return np.maximum(self._counts[0].mean(axis=1), 0) if self._by_zone is None else self._by_zone

    @cached_property
    def _planned(self) -> Present:
        return self._present(Unfolding(self._plans.models[:1], residents=self._usual), only_night=True)

    @cached_property
    def _planned_strata(self) -> Strata:
        return self._strata(self._weights(self._planned.groups))

    @property
    def _home(self) -> Reals:
        """[zone] the panel by home, as census and districts tell."""
        return self._planned.fitted(self._usual, self._planned_strata)

    @cached_property
    def _gains(self) -> Gains | None:
        values, variances = self._counts
        if self._by_zone is None or values.sum() <= 0:
            return None
        strata, planned = self._planned_strata, self._planned
        day, night = np.isin(planned.hours, WORKING), planned.at_night
        working = np.maximum(planned.zones.values[:, day if day.any() else slice(None)].mean(axis=1), 0)
        known = values[:, night].mean(axis=1), variances[:, night].mean(axis=1) / len(night)
        counts = Night(*known, self._home, working, self.facts.district, strata.sums)
        return fit(self._plans.models[0].dense, counts, patterns(self._plans.models))

    @cached_property
    def _counts(self) -> tuple[Reals, Reals]:
        name, zones = next(iter(self.facts.footfall.levels.items()))
        return _alive(*grid(self.facts.footfall.table, name, zones).moved("zone_id"))

    def _present(self, by: Unfolding, *, only_night: bool = False) -> Present:
        """`only_night`: groups of the night hours alone."""
        by_group, groups = list(self.facts.footfall.levels.items())[1]
        time, hours = time_of(groups), self._hours
        found = by(*smoothed(*self._counts, self.chance))
        columns = at_night(hours) if only_night else np.arange(len(hours))
        of_groups = _alive(*grid(self.facts.footfall.table, by_group, groups).moved("district_id", time))
        unfold = by.of_groups(self.facts.district, found.values[:, columns])
        counts = [of_groups] if only_night else [of_groups, _smoothed(*of_groups)]
        every = [[one(*(part[:, n] for part in of)) for of in counts] for n, one in zip(columns, unfold, strict=True)]
        raw, *smooth = (_stacked(each) for each in zip(*every, strict=True))
        return Present(found, raw, self.facts.district, hours, smooth[0] if smooth else None)

    @cached_property
    def _panel(self) -> tuple[Reals, Reals] | None:
        return None if self.facts.panel is None else panel_counts(self.facts.panel, self.facts.districts)

    def _weights(self, night: Unfolded) -> Weights:
        """`night`: groups of the night hours."""
        counts = self._panel or _night(night)
        return rake(*counts, self._targets)

    @cached_property
    def _targets(self) -> tuple[Reals, ...]:
        return targets(self.facts.margins, self.facts.districts)

    @cached_property
    def _hours(self) -> Sequence[int]:
        """Local hour of each column."""
        return self.facts.footfall.hours(self.instants)

    def _strata(self, found: Weights) -> Strata:
        weight, variance, panel = (
            each.reshape(len(self.facts.districts), -1) for each in (found.weight, found.variance, found.panel)
        )
        sums = None if self._panel is None else _relative(*self._panel)
        return Strata(weight * panel, weight, variance, self._by_zone, sums)

    @cached_property
    def scale(self) -> Scale:
        """People for one counted person."""
        return scale(self.present, self.strata, self.facts.closed)

    @property
    def instants(self) -> tuple[object, ...]:
        """Of footfall."""
        zones = next(iter(self.facts.footfall.levels.values()))
        return tuple(zones[time_of(zones)])

    def has_groups(self, level: Grid) -> bool:
        """Whether these are the groups of footfall itself, which are smoothed and unfolded hour by hour."""
        _, (name, groups) = self.facts.footfall.levels.items()
        own = grid(self.facts.footfall.table, name, groups)
        return level.names == own.names and np.array_equal(level.values, own.values)

    def in_districts(self, values: Reals, variances: Reals) -> Unfolded:
        """Persons at instants [district, column] by true district."""
        mean = self.present.zones.values.mean(axis=1, keepdims=True)
        return self.unfolding.of_groups(self.facts.district, mean)[0](values, variances)

    def stays(self, values: Reals, variances: Reals, between: PlaceKind, distinct: bool = False) -> Unfolded:
        """Counts of stays [place, column]. `distinct`: of persons, each counted once over several days."""
        zones = between == "zones"
        if distinct:
            return of_days(self._chances if zones else chances(self._stays_of_districts), values, variances)
        return of_a_day(self.between_zones if zones else self._stays_of_districts, values, variances)

    @cached_property
    def _chances(self) -> Chances:
        return chances(self.between_zones)

    def lost(self, between: PlaceKind) -> Reals:
        """[place] the part of its stays that plans show in other places."""
        places = self.between_zones if between == "zones" else self._stays_of_districts
        return np.asarray(1 - np.diagonal(places.models[0].dense))

    @cached_property
    def between_zones(self) -> Unfolding:
        """Of stays."""
        return unfolding(self.facts.stay_confusion, self.facts.zone_ids, self._usual)

    @cached_property
    def _stays_of_districts(self) -> Unfolding:
        return self.between_zones.of_groups(self.facts.district, self.present.zones.values.mean(axis=1, keepdims=True))[
            0
        ]

    @cached_property
    def zones(self) -> Factors:
        """[zone, 1] of counts over all hours."""
        return self.scale.zones.over_hours(self.present.zones.values)

    @cached_property
    def districts(self) -> Factors:
        """[district, 1]"""
        persons = np.maximum(self.present.zones.values.sum(axis=1), 1e-9)
        into = np.eye(len(self.facts.districts))[:, self.facts.district] * persons
        into /= into.sum(axis=1, keepdims=True)
        return Factors(*(into @ part for part in vars(self.zones).values()))

    @cached_property
    def groups(self) -> Factors:
        """[district, group] of counts over all hours."""
        return self.scale.groups.over_hours(self.present.groups.values)

    @cached_property
    def of_groups(self) -> Factors:
        """[zone, group] of counts over all hours."""
        groups = self.groups
        share = groups.value / self.districts.value
        return Factors(
            self.zones.value * share[self.facts.district],
            self.zones.noise + groups.noise[self.facts.district],
            self.zones.model + groups.model[self.facts.district],
        )

    def of_homes(self, homes: Sequence[str]) -> Factors:
        """[1, home] of persons by home district; of an unknown one, the mean. Together they are as many as by zone."""
        panel, there = self.strata.panel.sum(axis=1), self.present.zones.values.sum(axis=1)
        everybody = there @ self.zones.value[:, 0] / there.sum()
        value = self.strata.residents.sum(axis=1) / panel
        noise = (self.strata.panel**2 * self.strata.variance).sum(axis=1) / (value * panel) ** 2
        index = {district: n for n, district in enumerate(self.facts.districts)}
        each = [index.get(home, -1) for home in homes]
        mean = self.strata.residents.sum() / panel.sum()
        found = np.append(value / mean, 1)[each] * everybody, np.append(noise, 0)[each]
        return Factors(found[0][None], found[1][None], np.zeros((1, len(homes))))

    @property
    def _by_zone(self) -> Reals | None:
        """Residents of each zone, if the census says."""
        rows = self.facts.margins.by_zone
        if rows is None:
            return None
        known = dict(zip(rows["zone_id"].to_pylist(), rows["residents"].to_pylist(), strict=True))
        return np.array([known.get(zone, 0.0) for zone in self.facts.zone_ids])


def _night(groups: Unfolded) -> tuple[Reals, Reals]:
    """Like `panel_counts`: persons at home in the night hours, of whom none has an unknown home."""
    shape = len(groups.values) + 1, len(AGE_BANDS), len(GENDERS)
    values, variances = groups.values.mean(axis=1), groups.variances.mean(axis=1) / groups.values.shape[1]
    return tuple(np.pad(each, ((0, 1), (0, 0))).reshape(shape) for each in (values, variances))  # type: ignore[return-value]


def _relative(panel: Reals, variances: Reals) -> Reals:
    """[district] relative variance of a panel [district + 1, age band, gender]."""
    size, noise = (each[:-1].sum(axis=(1, 2)) for each in (panel, variances))
    return np.asarray(noise / np.square(np.maximum(size, np.sqrt(noise) + 1e-9)))


def _alive(values: Reals, variances: Reals) -> tuple[Reals, Reals]:
    """Hours without a number, whose rows stay empty, are given the mean of the others."""
    alive = values.any(axis=tuple(axis for axis in range(values.ndim) if axis != 1))
    if alive.all() or not alive.any():
        return values, variances
    filled = values.copy(), variances.copy()
    for array in filled:
        array[:, ~alive] = array[:, alive].mean(axis=1, keepdims=True)
    return filled


def _smoothed(values: Reals, variances: Reals) -> tuple[Reals, Reals]:
    """Counts [district, hour, group], smoothed over districts and groups, and over hours."""
    flat = (each.transpose(0, 2, 1).reshape(-1, each.shape[1]) for each in (values, variances))
    districts, hours, groups = values.shape
    found = (each.reshape(districts, groups, hours).transpose(0, 2, 1) for each in smoothed(*flat))
    return next(found), next(found)


def _stacked(hours: Sequence[Unfolded]) -> Unfolded:
    parts = [(each.values, each.variances, each.model) for each in hours]
    return Unfolded(*(np.stack(each, axis=1) for each in zip(*parts, strict=True)))
