"""A day's footfall by true place, and how many people stand behind it: the scale of every product of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.demographics import AGE_BANDS, GENDERS
from tasks.estimate.grid import grid
from tasks.estimate.raking import targets
from tasks.estimate.scale import Factors, Present, Scale, Strata, scale
from tasks.estimate.spec import Dimensions, PublicFacts
from tasks.estimate.unfold import Unfolded, Unfolding, unfolding
from tasks.estimate.weights import panel_counts, rake

Reals = NDArray[np.float64]
TIMES = ("hour_start", "slot_start")
GROUP = ("age_band", "gender")


def time_of(dimensions: Dimensions) -> str:
    """The dimension of instants; empty without one."""
    return next((name for name in TIMES if name in dimensions), "")


@dataclass(frozen=True)
class DayEstimate:
    """Estimates of one day."""

    facts: PublicFacts

    @cached_property
    def unfolding(self) -> Unfolding:
        """Between zones."""
        return unfolding(self.facts.confusion, self.facts.zone_ids)

    @cached_property
    def present(self) -> Present:
        """Persons of the panel who were counted, by true place."""
        (by_zone, zones), (by_group, groups) = self.facts.footfall.levels.items()
        time, table = time_of(zones), self.facts.footfall.table
        values, variances = _alive(*grid(table, by_zone, zones).moved("zone_id"))
        found = self.unfolding(values, variances)
        of_groups = _alive(*grid(table, by_group, groups).moved("district_id", time))
        unfold = self.unfolding.of_groups(self.facts.district, found.values)
        hours = [one(of_groups[0][:, n], of_groups[1][:, n]) for n, one in enumerate(unfold)]
        return Present(found, _stacked(hours), self.facts.district, self.facts.footfall.hours(zones[time]))

    @cached_property
    def strata(self) -> Strata:
        """Residents and weights by home: from the panel's release, or from the night hours of this day."""
        facts = self.facts
        counts = self._night if facts.panel is None else panel_counts(facts.panel, facts.districts)
        found = rake(*counts, targets(facts.margins, facts.districts))
        weight, variance, panel = (
            each.reshape(len(facts.districts), -1) for each in (found.weight, found.variance, found.panel)
        )
        return Strata(weight * panel, weight, variance, self._by_zone)

    @cached_property
    def scale(self) -> Scale:
        """People for one counted person."""
        return scale(self.present, self.strata, self.facts.closed)

    def between_districts(self, values: Reals, variances: Reals) -> Unfolded:
        """Counts [district, column] by true district, as persons are spread on the mean of the hours."""
        return self._districts(values, variances)

    @cached_property
    def _districts(self) -> Unfolding:
        return self.unfolding.of_groups(self.facts.district, self.present.zones.values.mean(axis=1, keepdims=True))[0]

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
    def of_groups(self) -> Factors:
        """[zone, group] of counts over all hours."""
        groups = self.scale.groups.over_hours(self.present.groups.values)
        share = groups.value / self.districts.value
        return Factors(
            self.zones.value * share[self.facts.district],
            self.zones.noise + groups.noise[self.facts.district],
            self.zones.model + groups.model[self.facts.district],
        )

    def of_homes(self, homes: Sequence[str]) -> Factors:
        """[1, home] of persons by home district; of an unknown one, the mean."""
        panel = self.strata.panel.sum(axis=1)
        value = self.strata.residents.sum(axis=1) / panel
        noise = (self.strata.panel**2 * self.strata.variance).sum(axis=1) / (value * panel) ** 2
        index = {district: n for n, district in enumerate(self.facts.districts)}
        each = [index.get(home, -1) for home in homes]
        mean = self.strata.residents.sum() / panel.sum()
        found = np.append(value, mean)[each], np.append(noise, 0)[each]
        return Factors(found[0][None], found[1][None], np.zeros((1, len(homes))))

    @property
    def _night(self) -> tuple[Reals, Reals]:
        """Like `panel_counts`: persons at home in the night hours, of whom none has an unknown home."""
        columns, groups = self.present.at_night, self.present.groups
        shape = len(self.facts.districts) + 1, len(AGE_BANDS), len(GENDERS)
        values = groups.values[:, columns].mean(axis=1)
        variances = groups.variances[:, columns].mean(axis=1) / len(columns)
        return tuple(np.pad(each, ((0, 1), (0, 0))).reshape(shape) for each in (values, variances))  # type: ignore[return-value]

    @property
    def _by_zone(self) -> Reals | None:
        """Residents of each zone, if the census says."""
        rows = self.facts.margins.by_zone
        if rows is None:
            return None
        known = dict(zip(rows["zone_id"].to_pylist(), rows["residents"].to_pylist(), strict=True))
        return np.array([known.get(zone, 0.0) for zone in self.facts.zone_ids])


def _alive(values: Reals, variances: Reals) -> tuple[Reals, Reals]:
    """Hours without a number, whose rows stay empty, are given the mean of the others."""
    alive = values.any(axis=tuple(axis for axis in range(values.ndim) if axis != 1))
    if alive.all() or not alive.any():
        return values, variances
    filled = values.copy(), variances.copy()
    for array in filled:
        array[:, ~alive] = array[:, alive].mean(axis=1, keepdims=True)
    return filled


def _stacked(hours: Sequence[Unfolded]) -> Unfolded:
    parts = [(each.values, each.variances, each.model) for each in hours]
    return Unfolded(*(np.stack(each, axis=1) for each in zip(*parts, strict=True)))
