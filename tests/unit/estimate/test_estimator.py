"""The seam of estimators: one number a row, beside the release's own columns."""

import pyarrow as pa
import pytest

from tasks.estimate.spec import is_whole, with_people
from tasks.quantity import PEOPLE
from tests.refusals import refused

RELEASE = pa.table({"level": ["zone_hour"] * 2, "value": pa.array([120.0, None])})


def people(rows: int, *names: str) -> pa.Table:
    return pa.table({name: pa.array([7] * rows) for name in names})


def test_people_stand_beside_the_release() -> None:
    table = with_people(RELEASE, "given 1", people(2, *PEOPLE))
    assert table.column_names == ["level", "value", *PEOPLE]
    assert table["people"].to_pylist() == [7.0, 7.0]


@pytest.mark.parametrize("columns", [people(3, *PEOPLE), people(2, *PEOPLE[:2]), people(2, "value", *PEOPLE)])
def test_an_estimator_that_gives_other_columns_or_rows_is_refused(columns: pa.Table) -> None:
    with refused("estimate.columns"):
        with_people(RELEASE, "given 1", columns)


@pytest.mark.parametrize(
    ("lacks", "whole"),
    [("zone_hour", False), ("dwell_time", True), ("withheld_zone", True)],
    ids=["a number", "a level that counts nobody", "a row without a number"],
)
def test_an_estimate_is_whole_if_each_number_of_a_level_that_counts_has_one(lacks: str, whole: bool) -> None:
    levels, values = ["zone_hour", "dwell_time", "withheld_zone"], [120.0, 30.0, None]
    given = pa.array([None if level == lacks else 7.0 for level in levels])
    release = pa.table({"level": levels, "value": values, **dict.fromkeys(PEOPLE, given)})
    assert is_whole(release, ["zone_hour", "withheld_zone"]) is whole
