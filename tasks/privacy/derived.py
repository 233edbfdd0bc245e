"""`derive` is the only function that turns stored releases into derived numbers. Post-processing costs no privacy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any, NoReturn, final

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import LevelRule, defect
from tasks.privacy.consistency import Measured
from tasks.privacy.release_table import OWN_COLUMNS, KeyStatuses, level_table, stacked

_TOKEN = object()


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


@final
@dataclass(frozen=True, eq=False)
class DerivedCounts:
    """Releasable numbers in the table of a release; made by `derive` alone, from what was released before."""

    table: pa.Table
    inputs: Mapping[str, str]
    """SHA-256 of each stored release by its id."""
    token: InitVar[object]
    rules: tuple[LevelRule, ...] = ()

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN or self.rules:
            raise defect("derived counts are made by derive alone")

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying: a copy could be altered."""
        raise defect("derived counts cannot be pickled or copied")


def derive(releases: Sequence[StoredRelease], derivation: Derivation, keys: Mapping[str, pa.Table]) -> DerivedCounts:
    """Compute levels over their keys from stored releases, and from nothing else."""
    if not releases:
        raise defect("nothing is derived from no release")
    levels = derivation(releases)
    if list(levels) != list(keys):
        raise defect("a derivation must give each level of its product, in order")
    for name, level in levels.items():
        _check(name, level, keys[name])
    tables = [level_table(name, level.measured, None, keys[name], level.statuses) for name, level in levels.items()]
    return DerivedCounts(stacked(tables), {release.id: release.sha256 for release in releases}, _TOKEN)


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
