"""The panel counts everybody once, by home district, age band and gender."""

import numpy as np
import pyarrow as pa

from tasks.period import Period
from tasks.products.panel import DISTRICT_DEMOGRAPHIC, PRODUCT
from tests.unit.products.counting import context

MONTH = Period.parse("2026-03")


def test_the_panel_counts_everybody_once_and_those_with_too_few_nights_as_unknown() -> None:
    nights = pa.table(
        {
            "pseudonym": np.array([1, 1, 2, 3], dtype=np.uint64),
            "zone": np.array([0, 1, 1, 0], dtype=np.int32),
            "night_minutes": np.array([60, 120, 60, 59], dtype=np.int16),
            "work_minutes": np.zeros(4, dtype=np.int16),
        }
    )
    facts = context(PRODUCT, MONTH, {1: (0, 0), 2: (0, 0), 3: (0, 0), 4: (2, 1)}, {"month_state": [nights]})
    (count,) = PRODUCT.counts
    (counts,) = count(facts)
    assert counts.values.sum() == 4
    assert counts.values[:, 0, 0].tolist() == [0, 2, 1]
    assert counts.values[2, 2, 1] == 1
    assert DISTRICT_DEMOGRAPHIC.keys(facts)["district_id"].to_pylist()[::18] == ["east", "west", "unknown"]


def test_the_panel_declares_nothing_to_make_consistent_and_no_status() -> None:
    facts = context(PRODUCT, MONTH, {}, {})
    assert not PRODUCT.same_persons
    assert not PRODUCT.statuses(facts)
