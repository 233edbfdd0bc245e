"""Detection counts every window of every person as often, so that no person is bounded."""

from datetime import date

import numpy as np
import pyarrow as pa

from tasks.mobility.windows import BITS, TIMES, WINDOWS
from tasks.period import Cadence, Period
from tasks.products.detection import PRODUCT, SHOWN
from tests.unit.products.counting import POLICY, context

DAY = Period.day(date(2026, 3, 2))
MISSED, FOUND = SHOWN.index("missed"), SHOWN.index("found")


def rows(*persons: dict[str, int]) -> pa.Table:
    """A person's windows show something so often, and else nothing."""
    packed = [
        [(TIMES - of.get(window, 0) << BITS * MISSED) + (of.get(window, 0) << BITS * FOUND) for window in WINDOWS]
        for of in persons
    ]
    columns = dict(zip(WINDOWS, np.array(packed, np.int64).T, strict=True))
    return pa.table({"pseudonym": np.arange(1, len(persons) + 1, dtype=np.uint64), **columns})


def test_windows_are_counted_by_what_they_show_of_eligible_persons() -> None:
    made = rows({"hour": 4, "any": 4}, {"hour": 3}, {"hour": 4})
    facts = context(PRODUCT, DAY, {1: (0, 0), 2: (1, 1)}, {"detection": [made]})
    (counts,) = PRODUCT.counts[0](facts)
    values = counts.values / counts.unit
    assert values.sum() == 2 * TIMES * len(WINDOWS)
    assert values[WINDOWS.index("hour"), FOUND] == 7
    assert values[WINDOWS.index("any"), FOUND] == 4
    assert values[0, MISSED] == 2 * TIMES


def test_the_policys_bound_holds_all_windows_of_a_person() -> None:
    (rule,) = PRODUCT.rules(POLICY, Cadence.DAY, 24)
    assert rule.bound == len(WINDOWS) * TIMES**2
    assert rule.threshold is None or rule.threshold == 0


def test_detection_is_for_the_operator_and_no_client() -> None:
    assert not PRODUCT.for_clients
