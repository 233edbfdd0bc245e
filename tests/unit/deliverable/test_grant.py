"""Grants: whole districts, zones by id, and what is refused."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tasks.deliverable.grant import Granted, granted
from tasks.deliverable.view import ZonesView
from tests.refusals import refused
from tests.unit.deliverable.factories import grant_view, zones_view

PLAN = zones_view()


def test_a_star_grants_every_zone_and_district() -> None:
    assert granted(PLAN, grant_view("*")) == Granted(("Z01", "Z02", "Z03", "Z04"), ("North", "South"))


def test_a_district_grants_its_zones_and_its_own_rows() -> None:
    assert granted(PLAN, grant_view("North")) == Granted(("Z01", "Z02"), ("North",))


def test_zones_that_make_up_a_district_grant_its_rows_too() -> None:
    assert granted(PLAN, grant_view("Z03", "Z04", "Z01")) == Granted(("Z01", "Z03", "Z04"), ("South",))


@given(st.sets(st.sampled_from(PLAN.zone_ids), min_size=1))
def test_district_rows_go_only_to_clients_granted_the_whole_district(zones: set[str]) -> None:
    for district in granted(PLAN, grant_view(*zones)).districts:
        assert {z for z, d in zip(PLAN.zone_ids, PLAN.district_ids, strict=True) if d == district} <= zones


def test_a_zone_merged_away_is_refused_naming_the_zone_that_took_it() -> None:
    with refused("grant.sensitive_zone") as refusal:
        granted(PLAN, grant_view("Z01", "Z09"))
    assert "Z02" in refusal.value.action


def test_an_unknown_zone_is_refused_naming_the_nearest() -> None:
    with refused("grant.unknown_place") as refusal:
        granted(PLAN, grant_view("Z1"))
    assert "Z01" in refusal.value.action
    with refused("grant.unknown_place"):
        granted(PLAN, grant_view("?"))


def test_a_grant_of_nothing_is_refused() -> None:
    with refused("grant.no_zone"):
        granted(PLAN, replace(grant_view(), zones=()))


def plan_with_districts(*districts: str) -> ZonesView:
    return replace(PLAN, district_ids=districts)


def test_an_id_of_a_zone_and_of_a_larger_district_is_refused() -> None:
    with refused("grant.ambiguous"):
        granted(plan_with_districts("Z01", "Z01", "South", "South"), grant_view("Z01"))


def test_a_district_of_one_zone_may_share_its_id() -> None:
    plan = plan_with_districts("Z01", "North", "South", "South")
    assert granted(plan, grant_view("Z01")) == Granted(("Z01",), ("Z01",))
