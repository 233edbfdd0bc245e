"""Which keys of two levels share sums follows from their dimensions."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import StepFailed
from tasks.period import Period
from tasks.products.dimensions import AGE_BAND, DISTRICT, GENDER, ZONE
from tasks.products.shared_sums import attribute_groups, keys_within, relation
from tasks.products.spec import Dimension, Level, PublicContext
from tests.unit.products.counting import PLAN
from tests.unit.products.counting import ZONE as BERLIN

PUBLIC = PublicContext(Period.day(date(2026, 3, 2)), PLAN, BERLIN)
"""Zones a and c are in district 0, zone b in district 1."""
ROLE = Dimension("role", pa.string(), "Role.", lambda public: ("resident", "worker"))
ORIGIN, DESTINATION = replace(ZONE, name="origin_zone_id"), replace(ZONE, name="destination_zone_id")
FROM, TO = replace(DISTRICT, name="origin_district_id"), replace(DISTRICT, name="destination_district_id")
FINE, COARSE = Level("fine", "", (ORIGIN, DESTINATION)), Level("coarse", "", (FROM, TO, ROLE))


def test_levels_by_zone_share_the_sums_of_each_zone() -> None:
    shared = relation(PUBLIC, Level("role", "", (ZONE, ROLE)), Level("group", "", (AGE_BAND, ZONE)))
    assert shared.first_groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert shared.second_groups.tolist() == [0, 1, 2] * 6


def test_a_zone_counts_in_its_district_where_the_other_level_has_districts() -> None:
    shared = relation(
        PUBLIC, Level("zones", "", (ZONE, AGE_BAND)), Level("districts", "", (DISTRICT, AGE_BAND, GENDER))
    )
    assert shared.first_groups.tolist() == [*range(6), *range(6, 12), *range(6)]
    assert shared.second_groups.tolist() == np.repeat(np.arange(12), 3).tolist()


def test_what_is_split_by_nothing_in_common_shares_its_total() -> None:
    shared = relation(PUBLIC, Level("zones", "", (ZONE,)), Level("ages", "", (AGE_BAND,)), at_least=True)
    assert shared.first_groups.tolist() == [0] * 3
    assert shared.second_groups.tolist() == [0] * 6
    assert shared.at_least


def test_groups_of_which_a_key_was_not_chosen_share_nothing() -> None:
    chosen = {"fine": np.array([0, 1, 2, 6, 7, 8])}  # from zone a and from zone c: of b-b and b-east nothing
    shared = relation(PUBLIC, COARSE, FINE, chosen=chosen)
    assert shared.second_groups.tolist() == [0, 1, 0, 0, 1, 0]
    assert shared.first_groups.tolist() == [0, 0, 1, 1, -1, -1, -1, -1]
    partly = relation(PUBLIC, COARSE, FINE, chosen={"fine": np.array([0, 1, 2])})
    assert partly.second_groups.tolist() == [-1] * 3
    partly.check(8, 3)


def test_keys_within_chosen_groups_are_all_keys_of_these_groups() -> None:
    mask = np.zeros((2, 2, 2), dtype=bool)
    mask[0, 1, 1] = True
    assert keys_within(PUBLIC, FINE, COARSE, mask).tolist() == [1, 7]
    mask[1, 1, 0] = True
    assert keys_within(PUBLIC, FINE, COARSE, mask).tolist() == [1, 4, 7]
    assert keys_within(PUBLIC, FINE, COARSE, np.zeros((2, 2, 2), dtype=bool)).size == 0


def test_keys_that_cannot_be_are_never_chosen_and_lack_in_no_group() -> None:
    apart = replace(FINE, apart=(ORIGIN.name, DESTINATION.name))
    everything = np.ones((2, 2, 2), dtype=bool)
    chosen = {"fine": keys_within(PUBLIC, apart, COARSE, everything)}
    assert chosen["fine"].tolist() == [1, 2, 3, 5, 6, 7]  # a and c are in one district: a-c and c-a
    shared = relation(PUBLIC, COARSE, apart, chosen=chosen)
    assert shared.second_groups.tolist() == [1, 0, 2, 2, 0, 1]
    assert shared.first_groups.tolist() == [0, 0, 1, 1, 2, 2, -1, -1], "district 1 has one zone: no trip is inside it"
    with_role = replace(apart, dimensions=(ORIGIN, ROLE, DESTINATION))
    assert keys_within(PUBLIC, with_role, COARSE, everything)[:4].tolist() == [1, 2, 4, 5]


def test_a_column_of_other_values_in_the_other_level_is_refused() -> None:
    longer = replace(ROLE, values=lambda public: ("resident", "worker", "visitor"))
    with pytest.raises(StepFailed) as refused:
        relation(PUBLIC, Level("one", "", (ROLE,)), Level("other", "", (longer,)))
    assert refused.value.code == "privacy.defect"


def test_keys_are_grouped_by_attributes_alone() -> None:
    level = Level("level", "", (ZONE, ROLE))
    assert attribute_groups(PUBLIC, level).tolist() == [0, 1] * 3
    assert attribute_groups(PUBLIC, level, np.array([1, 2])).tolist() == [1, 0]
    assert attribute_groups(PUBLIC, Level("zone", "", (ZONE,))).tolist() == [0, 0, 0]
