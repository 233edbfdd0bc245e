"""Sums of releases over the days of a longer period: for free, with variances and statuses of their own."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.privacy.bounds import Integers
from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import UNBIASED, WITHHELD_SMALL, KeyStatuses
from tasks.privacy.selection import mostly_noise
from tasks.products.shared_sums import attribute_groups, flat_keys
from tasks.products.spec import Level, PublicContext
from tasks.products.statuses import least_shown


class Sums(NamedTuple):
    """A level's sums over releases: in its shape; of a sparse level, of the keys that all releases have."""

    measured: Measured
    statuses: KeyStatuses
    keys: Integers
    """Flat keys, ascending."""


def summed(releases: Sequence[StoredRelease], level: Level, public: PublicContext, days: int) -> Sums:
    """A level's sums over the releases of this number of days.

    Statuses: `no_coverage` where no release has coverage, `incomplete` where a release is missing or has no number.
    """
    rows = [release.table.filter(pc.equal(release.table["level"], level.name)) for release in releases]
    keys, places = _common(rows, level, public)
    shape = keys.shape if level.sparse else level.shape(public)

    def stacked(columns: Sequence[pa.ChunkedArray]) -> np.ndarray:
        found = [column.to_numpy()[place] for column, place in zip(columns, places, strict=True)]
        return np.array(found).reshape(len(found), *shape)

    values, se = stacked([_unbiased(part) for part in rows]), stacked([part["se"] for part in rows])
    nowhere = stacked([pc.equal(part["status"], "no_coverage") for part in rows]).astype(np.bool_).all(axis=0)
    missing = np.isnan(values).any(axis=0) | (len(rows) < days)
    sums, variances = (np.where(missing, 1.0, of.sum(axis=0)) for of in (values, se**2))
    statuses = [("no_coverage", np.logical_and(nowhere, len(rows) > 0)), ("incomplete", missing)]
    return Sums(Measured(sums, variances), statuses, keys)


def with_small(
    level: Level,
    public: PublicContext,
    measured: Measured,
    statuses: KeyStatuses,
    chosen: Integers | None = None,
) -> DerivedLevel:
    """The level with small numbers withheld: by their own standard errors, else as drawn ones."""
    values, se = measured.values.ravel(), np.sqrt(measured.variances.ravel())
    least = least_shown(measured.variances).ravel()
    countable = ~np.any([mask.ravel() for _, mask in statuses], axis=0)
    small = (values < least) | mostly_noise(values, se, least, attribute_groups(public, level, chosen), countable)
    return DerivedLevel(measured, [*statuses, (WITHHELD_SMALL, small)], chosen=chosen)


def _common(rows: Sequence[pa.Table], level: Level, public: PublicContext) -> tuple[Integers, list[Integers]]:
    """The flat keys that all tables have, and their rows in each."""
    if not level.sparse:
        keys = np.arange(np.prod(level.shape(public), dtype=np.int64))
        return keys, [keys] * len(rows)
    flat = [flat_keys(public, level, part) for part in rows]
    common = reduce(np.intersect1d, flat) if flat else np.zeros(0, np.int64)
    return common, [np.searchsorted(each, common) for each in flat]


def _unbiased(rows: pa.Table) -> pa.ChunkedArray:
    """Values before inequalities: a sum of projected values would be biased (docs/adr/0066)."""
    return pc.coalesce(rows[UNBIASED], rows["value"]) if UNBIASED in rows.column_names else rows["value"]
