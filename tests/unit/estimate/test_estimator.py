"""The seam of estimators: one number a row, beside the release's own columns."""

import pyarrow as pa
import pytest

from tasks.estimate.spec import with_people
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
