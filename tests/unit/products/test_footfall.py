"""Footfall counts each allowed person once an hour, in the zone and in the demographic cell where they were."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tasks import policy
from tasks.errors import Misconfigured, StepFailed
from tasks.mobility.zones import ZonePlan
from tasks.period import Period
from tasks.products import catalogue, footfall, panel
from tasks.products.catalogue import AGE_BANDS, FOOTFALL, GENDERS, PANEL

PLAN = ZonePlan(
    zone_ids=("a", "b", "c"),
    names=("A", "B", "C"),
    district=np.array([0, 1, 0], dtype=np.int32),
    districts=("east", "west"),
    geometries=(shapely.box(0, 0, 1, 1),) * 3,
    area_types=(None,) * 3,
    merged={},
)
HOURS = 4
START = datetime(2026, 3, 1, tzinfo=UTC)
STARTS = tuple(START + timedelta(hours=n) for n in range(HOURS))
RULES = FOOTFALL.rules(policy.load().policy, 24)

people = st.dictionaries(st.integers(0, 20), st.tuples(st.integers(0, 5), st.integers(0, 2)))
stays = st.dictionaries(st.tuples(st.integers(0, 20), st.integers(0, HOURS - 1)), st.integers(0, 2))


def presence(rows: dict[tuple[int, int], int]) -> pa.Table:
    order = sorted(rows)
    return pa.table(
        {
            "pseudonym": np.array([person for person, _ in order], dtype=np.uint64),
            "hour": np.array([hour for _, hour in order], dtype=np.int8),
            "zone": np.array([rows[key] for key in order], dtype=np.int32),
        }
    )


def members(who: dict[int, tuple[int, int]]) -> pa.Table:
    order = sorted(who)
    return pa.table(
        {
            "pseudonym": np.array(order, dtype=np.uint64),
            "age_band": np.array([who[p][0] for p in order], dtype=np.int8),
            "gender": np.array([who[p][1] for p in order], dtype=np.int8),
        }
    )


@given(stays, people)
def test_every_key_holds_the_persons_that_a_plain_count_finds(
    rows: dict[tuple[int, int], int], who: dict[int, tuple[int, int]]
) -> None:
    halves = [{k: z for k, z in rows.items() if k[0] < 10}, {k: z for k, z in rows.items() if k[0] >= 10}]
    fine, coarse = footfall.count(map(presence, halves), members(who), PLAN, HOURS, RULES)
    keys = footfall.keys(PLAN, STARTS)
    found = dict(
        zip(
            zip(*keys["zone_hour"].select(["zone_id", "hour"]).to_pydict().values(), strict=False),
            fine.values.ravel(),
            strict=False,
        )
    )
    for zone in range(3):
        for hour in range(HOURS):
            counted = [p for (p, h), z in rows.items() if (h, z) == (hour, zone) and p in who]
            assert found[PLAN.zone_ids[zone], hour] == len(counted)
    named = keys["district_hour_demographic"].select(["district_id", "hour", "age_band", "gender"]).to_pydict()
    cells = dict(zip(zip(*named.values(), strict=False), coarse.values.ravel(), strict=False))
    for (district, hour, band, gender), count in cells.items():
        counted = [
            p
            for (p, h), z in rows.items()
            if h == hour
            and p in who
            and PLAN.districts[PLAN.district[z]] == district
            and (AGE_BANDS[who[p][0]], GENDERS[who[p][1]]) == (band, gender)
        ]
        assert count == len(counted)


def test_both_levels_hold_the_same_persons_of_each_district_and_hour() -> None:
    fine, coarse = footfall.count(
        [presence({(1, 0): 0, (2, 0): 2, (3, 0): 1, (4, 1): 0})],
        members({1: (0, 0), 2: (5, 2), 3: (1, 1)}),
        PLAN,
        HOURS,
        RULES,
    )
    assert fine.values[[0, 2]].sum(axis=0).tolist() == coarse.values[0].sum(axis=1).tolist() == [2, 0, 0, 0]


def test_nobody_is_counted_if_nobody_is_allowed() -> None:
    fine, coarse = footfall.count([presence({(1, 0): 0})], members({}), PLAN, HOURS, RULES)
    assert not fine.values.any()
    assert not coarse.values.any()


def test_a_person_in_two_zones_of_one_hour_is_refused_as_a_defect() -> None:
    twice = pa.concat_tables([presence({(1, 0): 0}), presence({(1, 0): 1})])
    many = pa.concat_tables([twice] * 15)
    with pytest.raises(StepFailed):
        footfall.count([many], members({1: (0, 0)}), PLAN, HOURS, RULES)


def test_a_key_has_its_hour_s_start() -> None:
    table = footfall.keys(PLAN, STARTS)["zone_hour"]
    assert table["hour_start"].to_pylist()[:5] == [*STARTS, STARTS[0]]
    assert table.num_rows == 3 * HOURS
    assert footfall.keys(PLAN, STARTS)["district_hour_demographic"].num_rows == 2 * HOURS * 18


def test_a_district_has_coverage_where_one_of_its_zones_has() -> None:
    covered = np.array([[True] * 4, [False] * 4, [False, True, True, True]])
    masks = footfall.known(PLAN, covered, np.array([False, False, False, True]))
    (_, no_zone), (_, incomplete) = masks["zone_hour"]
    (_, no_district), _ = masks["district_hour_demographic"]
    assert no_zone.tolist() == (~covered).tolist()
    assert incomplete[:, 3].all()
    assert not incomplete[:, :3].any()
    assert not no_district[0].any()
    assert no_district[1].all()


def test_the_panel_counts_everybody_once_and_those_without_a_night_as_unknown() -> None:
    nights = pa.table(
        {
            "pseudonym": np.array([1, 1, 2, 3], dtype=np.uint64),
            "zone": np.array([0, 1, 1, 0], dtype=np.int32),
            "night_minutes": np.array([60, 120, 60, 0], dtype=np.int16),
        }
    )
    who = members({1: (0, 0), 2: (0, 0), 3: (0, 0), 4: (2, 1)})
    (counts,) = panel.count([(nights,)], who, PLAN, PANEL.rules(policy.load().policy, 0))
    assert counts.values.sum() == 4
    assert counts.values[:, 0].tolist() == [0, 2, 1]
    assert counts.values[2, 2 * 3 + 1] == 1
    table = panel.keys(PLAN)["district_demographic"]
    assert table["district_id"].to_pylist()[::18] == ["east", "west", "unknown"]


def test_a_product_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Misconfigured, match="Did you mean 'footfall'"):
        catalogue.find("footfal")
    with pytest.raises(Misconfigured, match="no product 'gate_profile'"):
        catalogue.find("gate_profile")


def test_a_product_for_ourselves_is_not_delivered_to_clients() -> None:
    FOOTFALL.check_for_clients()
    with pytest.raises(Misconfigured):
        PANEL.check_for_clients()


def test_a_period_of_the_wrong_length_is_refused_with_an_example() -> None:
    with pytest.raises(Misconfigured, match="Give a day, for example 2026-03-01"):
        FOOTFALL.check(Period.parse("2026-03"))


def test_a_product_is_found_by_its_name_and_takes_periods_of_its_length() -> None:
    assert catalogue.find("panel") is PANEL
    PANEL.check(Period.parse("2026-03"))


def test_levels_are_reconciled_by_the_district_of_each_zone() -> None:
    found = footfall.hierarchy(PLAN)
    assert (found.parts, found.cells) == ("zone_hour", "district_hour_demographic")
    assert found.group_of_part.tolist() == [0, 1, 0]
