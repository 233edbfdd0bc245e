"""The seam of estimators: one number a row, beside the release's own columns."""

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pytest

from tasks.estimate.spec import PEOPLE, PublicFacts, with_people
from tasks.period import Period
from tests.refusals import refused

FACTS = PublicFacts("footfall", Period.day(date(2026, 3, 2)), b"{}", 1000.0, 10.0)
RELEASE = pa.table({"level": ["zone_hour"] * 2, "value": pa.array([120.0, None])})


@dataclass(frozen=True)
class Given:
    """An estimator that gives what it was made with."""

    columns: pa.Table
    name: str = "given 1"

    def __call__(self, release: pa.Table, facts: PublicFacts) -> pa.Table:
        return self.columns


def people(rows: int, *names: str) -> Given:
    return Given(pa.table({name: pa.array([7] * rows) for name in names}))


def test_people_stand_beside_the_release() -> None:
    table = with_people(RELEASE, people(2, *PEOPLE), FACTS)
    assert table.column_names == ["level", "value", *PEOPLE]
    assert table["people"].to_pylist() == [7.0, 7.0]


@pytest.mark.parametrize("estimator", [people(3, *PEOPLE), people(2, *PEOPLE[:2]), people(2, "value", *PEOPLE)])
def test_an_estimator_that_gives_other_columns_or_rows_is_refused(estimator: Given) -> None:
    with refused("estimate.columns"):
        with_people(RELEASE, estimator, FACTS)
