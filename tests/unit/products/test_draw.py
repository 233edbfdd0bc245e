"""A product's count becomes a release: every declared key of every level, by its rule."""

from datetime import date

import pyarrow as pa

from tasks.period import Period
from tasks.products import footfall
from tasks.products.draw import counted
from tests.unit.privacy.sources import Silence
from tests.unit.products.counting import context
from tests.unit.products.test_footfall import presence

DAY = Period.day(date(2026, 3, 2))


def test_a_release_has_a_row_for_every_key_and_the_columns_of_its_dimensions() -> None:
    rows = {"presence": [presence({(person, 5): 0 for person in range(200)})]}
    facts = context(footfall.PRODUCT, DAY, dict.fromkeys(range(200), (1, 1)), rows)
    draw = counted(footfall.PRODUCT, facts, Silence())
    table = draw().table
    keys = ["zone_id", "hour_start", "district_id", "age_band", "gender"]
    assert table.column_names == ["level", *keys, "value", "se", "low", "high", "status"]
    assert table.num_rows == 3 * 24 + 2 * 24 * 18
    shown = table.filter(pa.compute.equal(table["status"], "estimate")).select(["level", "value"]).to_pylist()
    assert [row["level"] for row in shown] == ["zone_hour", "district_hour_demographic"]
