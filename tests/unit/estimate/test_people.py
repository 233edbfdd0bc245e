"""People against a made-up city whose homes, opt-in and hours are known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from tasks.demographics import AGE_BANDS, GENDERS, Margins
from tasks.estimate.footfall import DayEstimate
from tasks.estimate.people import PeopleEstimator
from tasks.estimate.scale import OF_SILENT, SILENT
from tasks.estimate.spec import (
    CountedLevel,
    Dimensions,
    ErrorSource,
    Estimated,
    Footfall,
    PlaceKind,
    PublicFacts,
)
from tasks.quantity import CountKind, Split

Array = np.ndarray
ZONES, DISTRICTS = ("Z1", "Z2", "Z3", "Z4"), ("D1", "D2")
DISTRICT = np.array([0, 0, 1, 1], np.int32)
HOURS = [datetime(2026, 3, 3, tzinfo=UTC) + timedelta(hours=n) for n in range(24)]
ZONE_HOUR = {"zone_id": ZONES, "hour_start": HOURS}
GROUPS = {"district_id": DISTRICTS, "hour_start": HOURS, "age_band": AGE_BANDS, "gender": GENDERS}
BORDERS = 0.8 * np.eye(4) + 0.05
RESIDENTS = np.array([20_000.0, 30_000, 25_000, 5_000])
AWAY = np.array([0.0] * 7 + [0.1, 0.3] + [0.4] * 8 + [0.3, 0.2, 0.1, 0.1, 0.05, 0.0, 0.0])
"""Part of the residents who are in Z4, by hour."""
SE = 1e-3


@dataclass(frozen=True)
class City:
    """Everybody spends the night at home; by day some of all are in Z4."""

    opt_in: Array
    """[home zone, group]"""
    seen: Array
    """[hour] share of phones that signal."""

    @property
    def people(self) -> Array:
        """[zone, hour, home zone]"""
        there = np.einsum("zj,h->zhj", np.diag(RESIDENTS), 1 - AWAY)
        there[3] += np.outer(AWAY, RESIDENTS)
        return np.asarray(there)

    def release(self, borders: Array = BORDERS) -> pa.Table:
        """Footfall without noise."""
        panel = np.einsum("zhj,jg,h->zhg", self.people / 18, self.opt_in, self.seen)
        by_group = np.einsum("az,zhg->ahg", borders, panel)
        districts = np.stack([by_group[n == DISTRICT].sum(axis=0) for n in (0, 1)])
        by_hour, groups = by_group.sum(axis=2), districts.reshape(2, 24, 6, 3)
        return released({"zone_hour": (ZONE_HOUR, by_hour), "district_hour_demographic": (GROUPS, groups)})

    def facts(self, release: pa.Table, **others: Any) -> PublicFacts:
        levels: Mapping[str, Dimensions] = {"zone_hour": ZONE_HOUR, "district_hour_demographic": GROUPS}
        return PublicFacts(
            levels={name: counted(dimensions) for name, dimensions in levels.items()},
            zone_ids=ZONES,
            district=DISTRICT,
            districts=DISTRICTS,
            confusion=confusion(BORDERS),
            stay_confusion=confusion(0.5 * BORDERS + 0.5 * np.eye(4)),
            margins=MARGINS,
            footfall=Footfall(release, levels, ZoneInfo("UTC")),
            panel=None,
            closed=True,
            **others,
        )


SPLITS = {
    "age_band": Split.AGE_BAND,
    "gender": Split.GENDER,
    "home_district_id": Split.HOME,
    "arrival": Split.ARRIVAL,
    "day_part": Split.DAY_PART,
    "dwell_bin": Split.LENGTH,
}


def counted(dimensions: Dimensions, of: CountKind = CountKind.PERSONS, distinct: bool = False) -> CountedLevel:
    """A level of these key columns."""
    splits = {SPLITS[name]: name for name in dimensions if name in SPLITS}
    places = tuple(name for name in dimensions if name.endswith("_id") and name not in splits.values())
    between: PlaceKind = "districts" if "district" in places[0] else "zones"
    return CountedLevel(dimensions, of, between, places, splits, "hour_start" * ("hour_start" in dimensions), distinct)


def released(levels: Mapping[str, tuple[Dimensions, Array]]) -> pa.Table:
    tables = []
    for name, (dimensions, values) in levels.items():
        index = np.indices(values.shape).reshape(values.ndim, -1)
        keys = {key: pa.array(list(of)).take(pa.array(index[n])) for n, (key, of) in enumerate(dimensions.items())}
        numbers = {"value": values.ravel(), "se": np.full(values.size, SE)}
        tables.append(pa.table({"level": pa.repeat(name, values.size), **keys, **numbers}))
    return pa.concat_tables(tables, promote_options="default")


def confusion(matrix: Array) -> pa.Table:
    assigned, true = np.nonzero(matrix)
    zones = pa.array(ZONES)
    return pa.table(
        {
            "model": pa.array(np.zeros(len(true), np.int8)),
            "assigned_zone": zones.take(pa.array(assigned)),
            "true_zone": zones.take(pa.array(true)),
            "share": matrix[assigned, true],
        }
    )


def census() -> Margins:
    districts = np.bincount(DISTRICT, RESIDENTS)
    keys = [(d, a, g) for d in DISTRICTS for a in AGE_BANDS for g in GENDERS]
    columns = dict(zip(("district_id", "age_band", "gender"), map(list, zip(*keys, strict=True)), strict=True))
    table = pa.table(columns | {"residents": np.repeat(districts / 18, 18)})
    return Margins(table, pa.table({"zone_id": ZONES, "residents": RESIDENTS}))


MARGINS = census()
OF_DISTRICTS = Margins(MARGINS.table, None)
"""A census that is not by zone: nights teach nothing of the radio network."""
EVEN = City(np.full((4, 18), 0.2), np.ones(24))
PANEL = released(
    {
        "district_demographic": (
            {name: of for name, of in GROUPS.items() if name != "hour_start"},
            np.repeat(np.bincount(DISTRICT, RESIDENTS) * 0.2 / 18, 18).reshape(2, 6, 3),
        )
    }
)
"""Of the city in which all opt in alike."""
UNEVEN = City(np.tile([0.1, 0.2, 0.3, 0.2], (18, 1)).T, np.ones(24))


def by_zone(made: Estimated, column: str = "people") -> Array:
    return np.asarray(made.columns[column])[: 4 * 24].reshape(4, 24)


def estimated(city: City, **others: Any) -> Estimated:
    release = city.release()
    return PeopleEstimator()(release, replace(city.facts(release), **others))


def test_people_are_everybody_where_all_opt_in_alike() -> None:
    made = estimated(EVEN, margins=OF_DISTRICTS)
    assert by_zone(made) == pytest.approx(EVEN.people.sum(axis=2), rel=0.01)
    groups = np.asarray(made.columns["people"])[4 * 24 :].reshape(2, 24, 18)
    assert groups.sum(axis=2)[0] == pytest.approx(EVEN.people[:2].sum(axis=(0, 2)), rel=0.005)


def test_opt_in_by_home_age_and_gender_is_corrected() -> None:
    opt_in = np.outer([0.8, 0.8, 0.2, 0.2], np.linspace(0.5, 1, 18))
    city = City(opt_in, np.ones(24))
    found = by_zone(estimated(city, margins=OF_DISTRICTS))
    for hour in (3, 12):
        true = city.people[:, hour].sum(axis=1)
        counted = np.einsum("zj,jg->z", city.people[:, hour] / 18, opt_in)
        scaled = counted * true.sum() / counted.sum()
        assert abs(found[:, hour] - true).sum() < 0.6 * abs(scaled - true).sum()


def test_silent_phones_are_made_up_for_hour_by_hour_in_a_closed_area() -> None:
    city = City(EVEN.opt_in, np.where(np.arange(24) < 6, 0.85, 0.95))
    assert by_zone(estimated(city, margins=OF_DISTRICTS)) == pytest.approx(city.people.sum(axis=2), rel=0.01)
    opened = by_zone(estimated(city, closed=False))
    assert opened[:, 3].sum() < opened[:, 12].sum()
    assert opened.sum() == pytest.approx(24 * RESIDENTS.sum(), rel=0.01)


def test_the_interval_is_mostly_chance_where_there_is_hardly_noise() -> None:
    made = estimated(EVEN, margins=OF_DISTRICTS)
    assert made.largest_error is ErrorSource.SAMPLING
    low, high = (by_zone(made, name)[1, 3] for name in ("people_low", "people_high"))
    sample = 1.645 * np.sqrt(30_000 * (1 / 0.2 - 1))  # 6,000 of 30,000 residents are in the panel
    silent = 1.645 * 30_000 * SILENT * OF_SILENT
    whole = np.hypot(sample, silent)
    assert whole < (high - low) / 2 < 1.2 * whole  # the rest is the chance to be served by a neighbouring zone


def test_silent_phones_widen_the_interval_as_a_panel_tells_how_many_they_are() -> None:
    widths = []
    for seen in (1.0, 0.95, 0.8):
        made = estimated(City(EVEN.opt_in, np.full(24, seen)), panel=PANEL, margins=OF_DISTRICTS)
        assert by_zone(made) == pytest.approx(EVEN.people.sum(axis=2), rel=0.02)
        widths.append((by_zone(made, "people_high") - by_zone(made, "people_low"))[1, 3] / 2)
    silent = 1.645 * 30_000 * OF_SILENT * np.array([0, 0.05 / 0.95, 0.25])
    assert np.sqrt(np.square(widths[1:]) - widths[0] ** 2) == pytest.approx(silent[1:], rel=0.15)


def test_a_census_by_zone_leaves_less_to_chance_at_night_than_by_day() -> None:
    night, day = DayEstimate(EVEN.facts(EVEN.release())).scale.sampled[1, [3, 12]]
    assert night < 0.2
    assert 0.4 < day < 0.9


def test_rows_without_a_number_have_no_people_and_no_estimate_is_negative() -> None:
    release = EVEN.release()
    values = release["value"].to_pylist()
    values[5], values[7] = None, -400.0
    release = release.set_column(release.schema.get_field_index("value"), "value", pa.array(values, pa.float64()))
    made = PeopleEstimator()(release, EVEN.facts(release)).columns
    assert [name for name in made.column_names if made[name][5].is_valid] == []
    assert [made[name][7].as_py() for name in ("people", "people_low")] == [0, 0]


def test_an_hour_without_numbers_leaves_the_others_as_they_are() -> None:
    release = EVEN.release()
    dead = np.asarray([hour == HOURS[10] for hour in release["hour_start"].to_pylist()])
    values = pa.array(np.where(dead, np.nan, release["value"]), from_pandas=True)
    release = release.set_column(release.schema.get_field_index("value"), "value", values)
    facts = replace(EVEN.facts(release), margins=OF_DISTRICTS)
    found, true = by_zone(PeopleEstimator()(release, facts)), EVEN.people.sum(axis=2)
    assert np.isnan(found[:, 10]).all()
    assert np.delete(found, 10, axis=1) == pytest.approx(np.delete(true, 10, axis=1), rel=0.01)


def test_counts_that_noise_made_negative_have_finite_people() -> None:
    release = EVEN.release()
    values, noise = -abs(np.random.default_rng(1).normal(0, 32, release.num_rows)), np.full(release.num_rows, 32.0)
    release = release.drop_columns(["value", "se"]).append_column("value", [values]).append_column("se", [noise])
    for margins in (MARGINS, OF_DISTRICTS):
        made = PeopleEstimator()(release, replace(EVEN.facts(release), margins=margins)).columns
        assert all(np.isfinite(made[name]).all() for name in made.column_names)


def test_a_zone_without_a_cell_takes_the_estimate_from_no_other_zone() -> None:
    plan = np.diag([1.0, 0, 1, 1])
    release = EVEN.release(plan)
    facts = replace(EVEN.facts(release), confusion=confusion(plan))
    found = by_zone(PeopleEstimator()(release, facts))
    assert np.isfinite(found).all()
    assert (found[[0, 2, 3]] > 1000).all()


PARTS = ("morning", "evening")
ENDS: Dimensions = {"origin_district_id": DISTRICTS, "destination_district_id": DISTRICTS, "day_part": PARTS}
KINDS: Mapping[str, CountedLevel] = {
    "zone": counted({"zone_id": ZONES}),
    "zone_demographic": counted({"zone_id": ZONES, "age_band": AGE_BANDS, "gender": GENDERS}),
    "zone_home_district": counted({"zone_id": ZONES, "home_district_id": (*DISTRICTS, "unknown")}),
    "outflow": counted({"district_id": DISTRICTS, "day_part": PARTS}, CountKind.TRIPS),
    "district_pair": counted(ENDS, CountKind.TRIPS),
    "zone_pair": counted({"origin_zone_id": ZONES, "destination_zone_id": ZONES}, CountKind.TRIPS),
}


@pytest.mark.parametrize("level", KINDS)
def test_every_kind_of_level_is_scaled_to_people(level: str) -> None:
    dimensions = KINDS[level].dimensions
    release = released({level: (dimensions, np.full([len(values) for values in dimensions.values()], 600.0))})
    facts = replace(EVEN.facts(EVEN.release()), levels={level: KINDS[level]})
    made = PeopleEstimator()(release, facts).columns
    people, low, high = (np.asarray(made[name]) for name in ("people", "people_low", "people_high"))
    assert people.sum() == pytest.approx(5 * 600 * people.size, rel=0.05)
    assert (low < people).all()
    assert (people < high).all()


@pytest.mark.parametrize("panel", [None, PANEL])
def test_visitors_by_home_are_as_many_as_all_visitors_where_phones_are_silent(panel: pa.Table | None) -> None:
    city = City(EVEN.opt_in, np.full(24, 0.8))
    names, homes = ("zone", "zone_home_district"), np.tile([300.0, 250, 50], (4, 1))
    levels = {name: replace(KINDS[name], distinct=True) for name in names}
    values = zip(levels.items(), (homes.sum(axis=1), homes), strict=True)
    release = released({name: (of.dimensions, each) for (name, of), each in values})
    facts = replace(city.facts(city.release()), levels=levels, panel=panel)
    people = np.asarray(PeopleEstimator()(release, facts).columns["people"])
    assert people[4:].sum() == pytest.approx(people[:4].sum(), rel=0.01)


def test_a_zone_without_a_cell_takes_nobody_from_others_under_a_census_by_district() -> None:
    borders = BORDERS.copy()
    borders[3] += borders[2]  # Z3 has no cell: all of its phones are served from Z4, of the same district
    borders[2] = 0
    release = EVEN.release(borders)
    facts = replace(EVEN.facts(release), confusion=confusion(borders), margins=OF_DISTRICTS)
    found, true = by_zone(PeopleEstimator()(release, facts)), EVEN.people.sum(axis=2)
    assert found[2].max() < 0.2 * true[2].max()
    assert found[3, 3] == pytest.approx(true[2:, 3].sum(), rel=0.15)


def test_the_interval_of_groups_is_no_wider_than_the_city_where_plans_hear_nobody_in_a_zone() -> None:
    plan = BORDERS.copy()
    plan[:, 1] = [0.6, 0.3, 0.05, 0.05]  # Z2 is heard in Z1, say plans; so counts leave nobody for Z1
    facts = replace(EVEN.facts(EVEN.release()), confusion=confusion(plan))
    made = PeopleEstimator()(EVEN.release(), facts)
    low, high, people = (np.asarray(made.columns[name])[4 * 24 :] for name in ("people_low", "people_high", "people"))
    assert (high - low < 2 * people).all()


def test_the_interval_of_a_closed_area_holds_what_an_open_one_would_have() -> None:
    city = City(EVEN.opt_in, np.where(np.arange(24) == 12, 0.5, 1.0))
    closed, opened = (estimated(city, margins=OF_DISTRICTS, closed=each) for each in (True, False))
    assert (by_zone(closed, "people_low")[:, 12] < by_zone(opened)[:, 12]).all()
    assert (by_zone(closed)[:, 12] > 1.8 * by_zone(opened)[:, 12]).all()
    models = (DayEstimate(replace(city.facts(city.release()), closed=each)).scale.zones.model for each in (True, False))
    assert [model[:, 12].min() > 0.2 for model in models] == [True, False]


def test_habits_of_visitors_are_a_part_of_the_interval_where_opt_in_differs_by_home() -> None:
    even, differing = (DayEstimate(city.facts(city.release())).scale for city in (EVEN, UNEVEN))
    by_day, at_night = (differing.zones.model[:3, hour].sum() for hour in (12, 3))
    assert by_day > 1e-3
    assert by_day > 20 * at_night
    assert by_day > 20 * even.zones.model[:3, 12].sum()
    assert differing.groups.model.sum() > 20 * even.groups.model.sum()


def test_an_estimate_does_not_depend_on_the_one_before() -> None:
    estimator = PeopleEstimator()
    for city, day in ((EVEN, "a"), (EVEN, "a"), (UNEVEN, "b"), (EVEN, "a"), (UNEVEN, ""), (EVEN, "")):
        release = city.release()
        found, alone = (each(release, city.facts(release, digest=day)) for each in (estimator, PeopleEstimator()))
        assert found.columns.equals(alone.columns)


def test_most_noise_of_groups_is_gone_where_they_share_patterns() -> None:
    release, noise = EVEN.release(), np.zeros(96 + 2 * 24 * 18)
    noise[96:] = np.random.default_rng(3).normal(0, 64, 2 * 24 * 18)
    se = np.where(np.arange(len(noise)) < 96, SE, 64.0)
    counted = release.drop_columns(["value", "se"]).append_column("value", [np.asarray(release["value"]) + noise])
    present = DayEstimate(EVEN.facts(counted.append_column("se", [se]))).present
    true = DayEstimate(EVEN.facts(release)).present.groups.values
    assert present.smooth
    left, before = (np.square(each.values - true).mean() for each in (present.smooth, present.groups))
    assert left < 0.3 * before
    assert 0.6 < left / present.smooth.variances.mean() < 1.6


def test_persons_of_several_days_lose_those_who_were_next_door_in_zones_and_in_districts() -> None:
    day = DayEstimate(EVEN.facts(EVEN.release()))
    kinds: dict[PlaceKind, int] = {"zones": 4, "districts": 2}
    for between, places in kinds.items():
        counted = np.full((places, 1), 1_000.0)
        several, one = (day.stays(counted, np.zeros_like(counted), between, each) for each in (True, False))
        assert one.values == pytest.approx(counted)
        assert (several.values < 0.97 * counted).all()
