"""`derive` is the only function that turns stored releases into derived numbers. Post-processing costs no privacy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import LevelRule, defect
from tasks.privacy.consistency import Measured
from tasks.privacy.protect import TOKEN, ProtectedCounts
from tasks.privacy.release_table import OWN_COLUMNS, KeyStatuses, level_table, stacked


@dataclass(frozen=True)
class StoredRelease:
    """A release as it was drawn, and the public facts that were written with it."""

    id: str
    sha256: str
    table: pa.Table
    facts: dict[str, Any]
    rules: tuple[LevelRule, ...]
    """By which it was charged and drawn, in the order of its levels; empty if it was derived."""


@dataclass(frozen=True)
class DerivedLevel:
    """A level's values and variances over its keys in draw order, and which of them have a status instead."""

    measured: Measured
    statuses: KeyStatuses = ()


Derivation = Callable[[Sequence[StoredRelease]], Mapping[str, DerivedLevel]]
"""Stored releases -> each derived level by name, in the product's order."""


def derive(releases: Sequence[StoredRelease], derivation: Derivation, keys: Mapping[str, pa.Table]) -> ProtectedCounts:
    """Compute levels over their keys from stored releases, and from nothing else."""
    if not releases:
        raise defect("nothing is derived from no release")
    levels = derivation(releases)
    if list(levels) != list(keys):
        raise defect("a derivation must give each level of its product, in order")
    for name, level in levels.items():
        _check(name, level, keys[name])
    tables = [level_table(name, level.measured, None, keys[name], level.statuses) for name, level in levels.items()]
    return ProtectedCounts(stacked(tables), (), TOKEN, {release.id: release.sha256 for release in releases})


def _check(name: str, level: DerivedLevel, keys: pa.Table) -> None:
    values, variances = level.measured.values, level.measured.variances
    masks = [mask for _, mask in level.statuses]
    if OWN_COLUMNS.intersection(keys.column_names):
        raise defect(f"key columns of {name} may not be named {', '.join(sorted(OWN_COLUMNS))}")
    if {array.size for array in (values, variances, *masks)} != {keys.num_rows}:
        raise defect(f"{name} needs one value, variance and status for each of its {keys.num_rows} keys")
    hidden = np.any([mask.ravel() for mask in masks], axis=0) if masks else np.zeros(values.size, dtype=bool)
    if not np.all(hidden | (np.isfinite(values.ravel()) & (variances.ravel() >= 0))):
        raise defect(f"{name} has an estimate that is no number")
