"""Home districts from a month's night minutes."""

from typing import Any

import numpy as np
import pyarrow as pa

from tasks.mobility.home_location import UNKNOWN, home_location
from tests.unit.mobility.test_zones import feature, plan_of, square

PLAN = plan_of(*(feature(f"z{n}", square(n, 0), f"d{n // 2}") for n in range(6)))


def state(*rows: Any) -> Any:
    columns = zip(*rows, strict=True)
    types = (np.uint64, np.int32, np.int16)
    names = ("pseudonym", "zone", "night_minutes")
    return pa.table({n: np.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})


def homes(*days: Any) -> Any:
    pseudonyms, district = home_location(days, PLAN)
    return dict(zip(pseudonyms.tolist(), district.tolist(), strict=True))


def test_home_is_the_district_with_most_night_minutes_over_all_days() -> None:
    assert homes(state((7, 0, 60), (7, 2, 120)), state((7, 0, 60), (7, 1, 60))) == {7: 0}


def test_a_tie_goes_to_the_lowest_district() -> None:
    assert homes(state((7, 5, 60), (7, 2, 60))) == {7: 1}


def test_who_was_never_seen_at_night_has_an_unknown_home() -> None:
    assert homes(state((3, 5, 0), (9, 5, 60))) == {3: UNKNOWN, 9: 2}
