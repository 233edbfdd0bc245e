"""How many people stand for one counted person: by home, age band, gender and the hour's share of silent phones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.estimate.gains import Gains, Together
from tasks.estimate.homes import HABITS, Habits, Origins, origins
from tasks.estimate.unfold import Unfolded

Reals = NDArray[np.float64]
Ints = NDArray[np.integer]
KINDS = 3
"""Other habits are of three independent kinds, two of each: their mean squares add up."""
SILENT, OF_SILENT = 0.05, 0.25
"""Silent phones for one that is heard, and the relative standard deviation of zones in it: assumptions."""
NIGHT = (1, 2, 3, 4)
"""Local hours in which counted persons are at home."""


@dataclass(frozen=True)
class Strata:
    """Persons by home district and group of age band and gender, [district, group]."""

    residents: Reals
    weight: Reals
    """Residents for one person of the panel."""
    variance: Reals
    """Of the weight."""
    by_zone: Reals | None
    """Residents of each zone, if the census says."""
    sums: Reals | None = None
    """[district] relative variance of the panel; None: it was counted at night, with those who live elsewhere."""

    @property
    def panel(self) -> Reals:
        """The panel that these weights bring to the residents."""
        return self.residents / self.weight


@dataclass(frozen=True)
class Factors:
    """People for one counted person by [place, hour] or [place, hour, group]; both variances are relative."""

    value: Reals
    noise: Reals
    model: Reals
    """The mean squares of what other assumptions change, summed over their kinds; and that of the area."""

    def over_hours(self, persons: Reals) -> "Factors":
        """One for all hours, as persons [place, hour, ...] weight them; hours are the second axis of both."""
        weight = np.maximum(persons, 1e-9)
        mean = [(part * weight).sum(axis=1) / weight.sum(axis=1) for part in vars(self).values()]
        return Factors(*(part[:, None] if part.ndim == 1 else part for part in mean))


@dataclass(frozen=True)
class Scale:
    """The factors of everybody by zone, and of each group by district."""

    zones: Factors
    groups: Factors
    places: Together | None
    """Variances of places and of homes that were learned together with them."""
    sampled: Reals
    """[zone, hour] part of the sampling error that a census by zone leaves: who lives there is no chance."""


def at_night(hours: Sequence[int]) -> Ints:
    """Columns of the local hours in which people are at home; all without one."""
    columns = np.flatnonzero(np.isin(hours, NIGHT))
    return columns if len(columns) else np.arange(len(hours))


@dataclass(frozen=True)
class Present:
    """Persons of the panel who were counted, by true place."""

    zones: Unfolded
    """[zone, hour]"""
    groups: Unfolded
    """[district, hour, group]"""
    district: Ints
    """Of each zone."""
    hours: Sequence[int]
    """Local hour of each column."""
    smooth: Unfolded | None = None
    """As `groups`, of counts without most of their noise. The errors of hours are then not independent."""
    learnt: Gains | None = None
    """From the nights."""
    inverse: Reals | None = None
    """[true zone, assigned zone] by which zones were unfolded."""
    shared: Reals | float = 0.0
    """[zone, hour] the covariance of the noise of counts with that of the night's mean."""

    @property
    def at_night(self) -> Ints:
        """As `at_night` finds them."""
        return at_night(self.hours)

    def at_home(self, strata: Strata) -> tuple[Reals, Reals]:
        """[zone] the panel by home, and each zone's weight as a multiple of its district's.

        At night people are at home; with a census by zone, what differs from it was learned.
        """
        if strata.by_zone is None or self.learnt is None:
            night = np.maximum(self.zones.values[:, self.at_night].mean(axis=1), 0)
            return self.fitted(night, strata), np.ones_like(night)
        even = self.fitted(strata.by_zone, strata)
        panel = even * np.exp(self.learnt.homes)
        panel = panel * (even.sum() / panel.sum()) if strata.sums is None else self.fitted(panel, strata)
        return panel, even / np.maximum(panel, 1e-9)

    def silent(self, strata: Strata) -> float:
        """Phones that show nothing for one that does; without a panel it is not known how many they are."""
        counted = float(self.zones.values.sum(axis=0).mean())
        return SILENT if strata.sums is None else max(0.0, float(strata.panel.sum()) / max(counted, 1e-9) - 1)

    def fitted(self, zones: Reals, strata: Strata) -> Reals:
        """Numbers of zones, scaled to the panel of each district."""
        goal = strata.panel.sum(axis=1)
        return np.asarray(zones * (goal / np.maximum(np.bincount(self.district, zones), 1e-9))[self.district])


def scale(present: Present, strata: Strata, closed: bool) -> Scale:
    """Factors of a day. In a closed area all residents are there at every hour; else on the average of the hours."""
    used, *others = (_Weighted.of(present, strata, habits) for habits in HABITS)
    ratio, noise = used.hour_ratio(present, strata, closed)
    apart = [each.hour_ratio(present, strata, closed)[0] for each in others]
    area = np.square(used.hour_ratio(present, strata, False)[0] / ratio - 1)
    zones = [np.square(each.zones * one / (used.zones * ratio) - 1) for each, one in zip(others, apart, strict=True)]
    groups = [
        np.square(each.groups * one[:, None] / (used.groups * ratio[:, None]) - 1)
        for each, one in zip(others, apart, strict=True)
    ]
    silent = np.square(OF_SILENT * present.silent(strata))
    return Scale(
        Factors(used.zones * ratio, used.zone_noise + noise, KINDS * np.mean(zones, axis=0) + area + silent),
        Factors(
            used.groups * ratio[:, None],
            used.group_noise + noise[:, None],
            KINDS * np.mean(groups, axis=0) + area[:, None],
        ),
        *used.places(present),
    )


@dataclass(frozen=True)
class _Weighted:
    """Residents for one counted person under one habit, before the hour's ratio, with relative variances."""

    zones: Reals
    """[zone, hour]"""
    zone_noise: Reals
    groups: Reals
    """[district, hour, group]"""
    group_noise: Reals
    origins: Origins

    @staticmethod
    def of(present: Present, strata: Strata, habits: Habits) -> "_Weighted":
        panel, more = present.at_home(strata)
        found = origins(present.zones.values, panel, present.district, present.hours, habits)
        hours = [_hour(present, strata, column, found, more) for column in range(len(present.hours))]
        zones, zone_noise, groups, group_noise = (np.stack(each, axis=1) for each in zip(*hours, strict=True))
        return _Weighted(zones, zone_noise, groups, group_noise, found)

    def places(self, present: Present) -> tuple[Together | None, Reals]:
        """`places` and `sampled` of Scale."""
        if present.learnt is None or present.inverse is None:
            return None, np.ones_like(self.zones)
        persons, own = present.zones.values, np.minimum(self.origins.own, 1)
        shared = present.shared + present.learnt.counted_alike(own * np.maximum(persons, 0))
        return present.learnt.together(present.inverse, persons, own, shared), 1 - own * self.origins.staying

    def hour_ratio(self, present: Present, strata: Strata, closed: bool) -> tuple[Reals, Reals]:
        """Residents for one person of the weighted total of each hour, and its relative variance.

        The ratios of a closed area shrink towards their mean as their noise asks for (James and Stein).
        """
        total = (np.maximum(present.zones.values, 0) * self.zones).sum(axis=0)
        error = np.sqrt((self.zones**2 * present.zones.variances).sum(axis=0))
        total = np.maximum(total, error + 1e-9)  # of noise alone, there is no ratio
        noise = np.square(error / total)
        hours, mean = len(total), strata.residents.sum() / total.mean()
        apart = total.mean() / total - 1
        least = (hours - 3) * noise.mean() / max(float(np.square(apart).sum()), 1e-12)
        kept = min(1.0, max(0.0, 1 - least)) if closed else 0.0
        return mean * (1 + kept * apart), kept**2 * noise + noise.mean() / hours


def _hour(present: Present, strata: Strata, column: int, found: Origins, more: Reals) -> tuple[Reals, ...]:
    """Of one hour, what `_Weighted` holds; `more`: how many times its district's weight each home zone has."""
    district, into = present.district, np.eye(len(strata.panel))[:, present.district]
    mixes, origin = found.mixes(column, strata.panel), found.by_district(column)
    counted = sum(part @ mix for part, mix in zip(origin, mixes, strict=True))
    weighted = zip(found.by_district(column, more), mixes, strict=True)
    people = sum(part @ (mix * strata.weight) for part, mix in weighted)
    by_district = into @ counted
    tilt, noise = _tilt(present.groups.values[:, column], present.groups.variances[:, column], by_district)
    share = counted * tilt[district]
    share /= share.sum(axis=1, keepdims=True)
    each = people / counted
    weight = (share * each).sum(axis=1)
    composition = np.square((each - weight[:, None]) / by_district.sum(axis=1)[district, None]) * noise[district]
    panel = np.square(share / counted) * _panel_noise(origin, mixes, strata.variance)
    summed = [_summed(part, district) for part in origin]
    group_noise = _panel_noise(summed, mixes, strata.variance) / np.square(into @ people)
    return weight, (composition + panel).sum(axis=1) / weight**2, (into @ people) / by_district, group_noise


def _summed(zones: Reals, district: Ints) -> Reals:
    """Rows of zones, summed by their district; each has one."""
    order = np.argsort(district, kind="stable")
    return np.asarray(np.add.reduceat(zones[order], np.flatnonzero(np.diff(district[order], prepend=-1)), axis=0))


def _panel_noise(origin: Sequence[Reals], mixes: Sequence[Reals], variance: Reals) -> Reals:
    """Variance of people by zone and group that the weights' variance [home district, group] brings."""
    (own, other), (here, away) = origin, mixes
    both = 2 * (own * other) @ (here * away * variance)
    return np.asarray(np.square(own) @ (here**2 * variance) + both + np.square(other) @ (away**2 * variance))


def _tilt(values: Reals, variances: Reals, expected: Reals) -> tuple[Reals, Reals]:
    """Noisy persons of groups relative to those expected from their homes, [district, group], and its variance.

    They shrink towards what is expected, as their noise asks for (W. James, C. Stein, 1961; positive part).
    """
    apart = values - expected
    noise = variances.mean(axis=1, keepdims=True)
    size = np.maximum(np.square(apart).sum(axis=1, keepdims=True), 1e-9)
    kept = np.clip(1 - (values.shape[1] - 2) * noise / size, 0, 1)
    return np.maximum(expected + kept * apart, 0) / expected + 1e-12, kept**2 * variances
