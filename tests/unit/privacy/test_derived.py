"""Derived counts come from stored releases through one door."""

import copy
import dataclasses
import pickle
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import StepFailed
from tasks.privacy.derived import Keys, StoredRelease, derive
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.protect import ProtectedCounts


def of(table: pa.Table) -> Keys:
    return lambda chosen: table if chosen is None else table.take(pa.array(chosen))


KEYS = {"all": of(pa.table({"zone_id": ["a", "b"]}))}
TABLE = pa.table({"value": [3.0, None], "se": [1.0, None]})
RELEASES = [StoredRelease(f"footfall/v3/2026-03-0{day}/r1", str(day), TABLE, {}, ()) for day in (1, 2)]


def total(releases: Sequence[StoredRelease]) -> dict[str, DerivedLevel]:
    values = np.sum([release.table["value"].to_numpy() for release in releases], axis=0)
    variances = np.sum([release.table["se"].to_numpy() ** 2 for release in releases], axis=0)
    return {"all": DerivedLevel(Measured(values, variances), [("incomplete", np.isnan(values))])}


def test_numbers_of_releases_become_a_release_that_names_them() -> None:
    made = derive(RELEASES, total, KEYS)
    first, second = made.table.to_pylist()
    assert (first["zone_id"], first["value"], first["se"], first["status"]) == ("a", 6.0, 2**0.5, "estimate")
    assert (second["value"], second["status"]) == (None, "incomplete")
    assert made.inputs == {"footfall/v3/2026-03-01/r1": "1", "footfall/v3/2026-03-02/r1": "2"}
    assert made.rules == ()


def level(*values: float, variance: float = 1.0) -> dict[str, DerivedLevel]:
    return {"all": DerivedLevel(Measured(np.array(values), np.full(len(values), variance)))}


@pytest.mark.parametrize(
    ("releases", "made", "keys"),
    [
        ([], level(1.0, 2.0), KEYS),
        (RELEASES, {}, KEYS),
        (RELEASES, level(1.0), KEYS),
        (RELEASES, level(1.0, float("nan")), KEYS),
        (RELEASES, level(1.0, 2.0, variance=-1.0), KEYS),
        (RELEASES, level(1.0), {"all": of(pa.table({"status": ["a"]}))}),
    ],
)
def test_what_is_no_release_is_refused(
    releases: list[StoredRelease], made: dict[str, DerivedLevel], keys: dict[str, Keys]
) -> None:
    with pytest.raises(StepFailed) as refused:
        derive(releases, lambda _: made, keys)
    assert refused.value.code == "privacy.defect"


def test_values_without_a_status_are_all_shown() -> None:
    assert derive(RELEASES, lambda _: level(1.0, -2.0), KEYS).table["value"].to_pylist() == [1.0, -2.0]


def test_a_sparse_level_has_its_chosen_keys_alone() -> None:
    some = DerivedLevel(Measured(np.array([7.0]), np.ones(1)), chosen=np.array([1]))
    (row,) = derive(RELEASES, lambda _: {"all": some}, KEYS).table.to_pylist()
    assert (row["zone_id"], row["value"]) == ("b", 7.0)
    twice = dataclasses.replace(some, measured=Measured(np.ones(2), np.ones(2)), chosen=np.array([1, 1]))
    with pytest.raises(StepFailed):
        derive(RELEASES, lambda _: {"all": twice}, KEYS)


def test_derived_counts_are_made_by_derive_alone() -> None:
    made = derive(RELEASES, total, KEYS)
    with pytest.raises(StepFailed):
        ProtectedCounts(TABLE, (), object(), {})
    with pytest.raises(ValueError, match="InitVar"):
        dataclasses.replace(made, table=TABLE)  # type: ignore[call-arg]
    for way in (copy.copy, pickle.dumps):
        with pytest.raises(StepFailed):
            way(made)
