"""`derive` is the only function that turns stored releases into derived numbers. Post-processing costs no privacy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tasks.privacy.bounds import Integers, LevelRule, defect
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.protect import TOKEN, ProtectedCounts
from tasks.privacy.release_table import ShareWithin, stacked


@dataclass(frozen=True)
class StoredRelease:
    """A release as it was drawn, and the public facts that were written with it."""

    id: str
    sha256: str
    table: pa.Table
    facts: dict[str, Any]
    rules: tuple[LevelRule, ...]
    """By which it was charged and drawn, in the order of its levels; empty if it was derived."""

    @property
    def period(self) -> str:
        """The period, as its id names it."""
        return self.id.split("/")[2]


Derivation = Callable[[Sequence[StoredRelease]], Mapping[str, DerivedLevel]]
"""Stored releases -> each derived level by name, in the product's order."""

Keys = Callable[[Integers | None], pa.Table]
"""The columns of a level's chosen flat keys; given None, of all."""


def derive(
    releases: Sequence[StoredRelease],
    derivation: Derivation,
    keys: Mapping[str, Keys],
    share_within: ShareWithin | None = None,
) -> ProtectedCounts:
    """Compute levels over their keys from stored releases, and from nothing else."""
    if not releases:
        raise defect("nothing is derived from no release")
    levels = derivation(releases)
    if list(levels) != list(keys):
        raise defect("a derivation must give each level of its product, in order")
    tables = [level.table(name, keys[name](level.chosen)) for name, level in levels.items()]
    inputs = {release.id: release.sha256 for release in releases}
    return ProtectedCounts(stacked(tables, share_within or {}), (), TOKEN, inputs)
