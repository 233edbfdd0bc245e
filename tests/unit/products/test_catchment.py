"""Catchment counts a zone's visitors by their home district, and says which districts hold most of them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.mobility.zones import ZonePlan
from tasks.period import Period
from tasks.privacy.bounds import UNIT
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.products.catchment import PRODUCT, ZONE_HOME
from tasks.products.spec import CountContext
from tests import reference
from tests.unit.products.counting import PLAN, context, with_facts

MONTH = Period.parse("2026-02")
ZONES, HOMES = len(PLAN.zone_ids), len(PLAN.districts) + 1


def month(rows: list[tuple[int, int, int]]) -> pa.Table:
    """A row for each person, zone and number of night minutes."""
    columns = np.array(sorted(rows), np.int64).reshape(-1, 3).T
    types = {"pseudonym": np.uint64, "zone": np.int32, "night_minutes": np.int16}
    named = {name: column.astype(types[name]) for name, column in zip(types, columns, strict=True)}
    return pa.table({**named, "work_minutes": np.zeros(len(rows), np.int16)})


visits = st.lists(st.tuples(st.integers(0, 9), st.integers(0, ZONES - 1), st.sampled_from([0, 0, 400])))
people = st.sets(st.integers(0, 9)).map(lambda who: dict.fromkeys(who, (0, 0)))


@settings(deadline=None)
@given(visits, people)
def test_each_person_counts_once_a_visited_zone_by_their_home_district(
    rows: list[tuple[int, int, int]], who: dict[int, tuple[int, int]]
) -> None:
    halves = [month([row for row in rows if (row[0] < 5) is low]) for low in (True, False)]
    (count,) = PRODUCT.counts
    (counts,) = count(context(PRODUCT, MONTH, who, {"month_state": halves}))
    expected = np.zeros((ZONES, HOMES), np.int64)
    for person in who:
        nights = [
            sum(night for each, zone, night in rows if each == person and PLAN.district[zone] == home)
            for home in range(HOMES - 1)
        ]
        home = nights.index(max(nights)) if max(nights) else HOMES - 1
        for zone in {zone for each, zone, _ in rows if each == person}:
            expected[zone, home] += UNIT
    assert counts.values.tolist() == expected.tolist()


def test_a_person_in_more_zones_than_the_bound_counts_for_less_in_each() -> None:
    zones = 30
    plan = replace(PLAN, zone_ids=tuple(f"z{n:02}" for n in range(zones)), district=np.zeros(zones, np.int32))
    facts = replace(
        context(PRODUCT, MONTH, {1: (0, 0)}, {"month_state": [month([(1, n, 60) for n in range(zones)])]}), zones=plan
    )
    (count,) = PRODUCT.counts
    (counts,) = count(facts)
    assert counts.values[:, 0].tolist() == reference.weighted([1] * zones, counts.bound)


# ---- cores and distances: four districts in a row, 0, 10, 20 and 30 km from zone a; a second zone is nearly empty

DEGREE_KM = 2 * np.pi * 6371.0088 / 360
FOUR = ZonePlan(
    zone_ids=("a", "b", "c", "d"),
    names=("A", "B", "C", "D"),
    district=np.arange(4, dtype=np.int32),
    districts=("d0", "d1", "d2", "d3"),
    district_names=("d0", "d1", "d2", "d3"),
    geometries=tuple(
        shapely.box(n * 10 / DEGREE_KM - 0.001, -0.001, n * 10 / DEGREE_KM + 0.001, 0.001) for n in range(4)
    ),
    area_types=(None,) * 4,
    merged={},
)


def facts() -> CountContext:
    full, complete = np.ones((4, 24), np.bool_), np.zeros(24, np.bool_)
    return with_facts(replace(context(PRODUCT, MONTH, {}, {}), zones=FOUR), full, complete)


def summaries(first: list[float], sd: float = 1e-6) -> dict[str, DerivedLevel]:
    """The summaries of a release in which zone a has these visitors by home district, and the other zones have none."""
    values = np.zeros((4, 5))
    values[0] = [*first, 500.0]
    return dict(PRODUCT.summarise(facts(), {ZONE_HOME.name: Measured(values, np.full(values.shape, sd**2))}))


def withheld(level: DerivedLevel) -> np.ndarray:
    (mask,) = (mask for status, mask in level.statuses if status == "withheld_small")
    return mask


def test_a_core_is_the_smallest_set_of_districts_that_holds_its_share_of_visitors_with_known_home() -> None:
    made = summaries([300.0, 600.0, 150.0, 75.0])  # the largest hold 53, 80, 93 and 100 % of 1125
    assert made["core"].measured.values[0].tolist() == [70, 50, 90, 100]
    assert made["core_size"].measured.values[0].tolist() == [1, 2, 3]
    assert not withheld(made["core"])[0].any()
    assert not withheld(made["core_size"])[0].any()


def test_a_district_without_a_number_is_in_no_core_and_a_core_that_needs_it_has_no_size() -> None:
    made = summaries([700.0, 60.0, 60.0, 60.0])  # the threshold is 72
    assert withheld(made["core"])[0].tolist() == [False, True, True, True]
    assert made["core_size"].measured.values[0, :2].tolist() == [1, 1]
    assert withheld(made["core_size"])[0].tolist() == [False, False, True]


def test_distances_are_those_of_the_visitors_with_known_home_from_centre_to_centre() -> None:
    made = summaries([300.0, 300.0, 250.0, 150.0])["distance"]
    assert made.measured.values[0] == pytest.approx([0, 10, 20, 30], abs=0.01)
    assert made.measured.variances[0] == pytest.approx([0, 0, 0, 0], abs=1e-9)


def test_a_zone_with_hardly_any_visitor_has_neither_cores_nor_distances() -> None:
    made = summaries([300.0, 300.0, 300.0, 100.0], sd=24)
    for level in made.values():
        assert not withheld(level)[0].all()
        assert withheld(level)[1:].all()


def test_noise_widens_the_ends_of_cores_and_distances() -> None:
    made = summaries([300.0, 250.0, 250.0, 250.0], sd=24)
    for name in ("core_size", "distance", "core"):
        value, ends = made[name].measured.values, made[name].interval
        assert ends, name
        assert np.all((ends[0] <= value) & (value <= ends[1])), name
        assert np.any(ends[0][0] < ends[1][0]), name


def test_a_zone_without_coverage_has_no_status_but_that_one() -> None:
    covered = np.ones((4, 24), np.bool_)
    covered[0] = False
    public = with_facts(facts(), covered, np.zeros(24, np.bool_))
    values = np.full((4, 5), 400.0)
    made = PRODUCT.summarise(public, {ZONE_HOME.name: Measured(values, np.full((4, 5), 1e-12))})
    for level in made.values():
        status, mask = level.statuses[0]
        assert status == "no_coverage"
        assert mask[0].all()
        assert not mask[1:].any()
    status, mask = PRODUCT.statuses(public)[ZONE_HOME.name][0]
    assert (status, mask.all(axis=1).tolist()) == ("no_coverage", [True, False, False, False])
