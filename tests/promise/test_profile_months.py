"""The gate's profile of a day rests on the day's own month alone: what a person does in other months moves nothing."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import policy_file
from tasks.events.packed_key import Int64
from tasks.mobility.day import CellArrays, walk_rules
from tasks.mobility.evidence import evidence
from tasks.mobility.walk import walk_partition
from tests.reference_read import Span
from tests.unit.events.factory import csv_bytes, landing_file, prepare, read, times, write

DAY, NEXT = date(2026, 10, 31), date(2026, 11, 1)
"""The last day of a month; its landing reads the first folder of the next one too."""
RULES = walk_rules(policy_file.load().policy, DAY, 16384)
ZONE = np.zeros(1, np.int32)
NULL = np.zeros(1)
PLACES = CellArrays(ZONE, NULL, NULL, NULL, NULL, evidence(ZONE), NULL)
Row = tuple[str, str, str, str]


def profile(folders: dict[date, Sequence[Row]]) -> Int64:
    """The day's profile, from files in the folders of its landing."""
    with TemporaryDirectory() as name:
        root = Path(name)
        context = prepare(root, {"a": Span(0, 0, 90_000)}, {"c": [Span(0, 0, 90_000)]}, DAY, times(lateness=1))
        files = [
            landing_file(write(root / f"{label}.csv", csv_bytes(rows)), label)
            for label, rows in folders.items()
            if rows
        ]
        keys = np.concatenate(read(files, context, root / "out")[1])
        return walk_partition(keys, PLACES, RULES, ()).profile


def rows(*moments: str) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(st.just("a"), st.sampled_from(moments), st.sampled_from(["c", "x", ""]), st.just("")))


OWN = rows("2026-10-31T10:00:00", "2026-10-30T23:00:00", "2026-10-02T10:00:00")
OTHER = rows("2026-11-01T00:00:00", "2026-11-01T10:00:00", "2026-09-30T10:00:00", "2027-10-31T10:00:00")
NO_TIME = rows("", "no time")


@settings(max_examples=8)
@given(OWN, NO_TIME, OTHER, OTHER, NO_TIME)
def test_what_a_person_does_in_another_month_is_not_in_the_profile(
    own: list[Row], untimed: list[Row], early: list[Row], late: list[Row], of_next: list[Row]
) -> None:
    without = profile({DAY: [*own, *untimed]})
    assert np.array_equal(without, profile({DAY: [*own, *untimed, *early], NEXT: [*late, *of_next]}))
