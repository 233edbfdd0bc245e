"""Sums of releases over the days of a longer period: for free, with variances and statuses of their own."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.privacy.derived import StoredRelease
from tasks.privacy.derived_level import DerivedLevel
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import UNBIASED, WITHHELD_SMALL, KeyStatuses
from tasks.privacy.selection import mostly_noise
from tasks.products.shared_sums import attribute_groups
from tasks.products.spec import Level, PublicContext
from tasks.products.statuses import least_shown


def summed(releases: Sequence[StoredRelease], level: Level, public: PublicContext) -> tuple[Measured, KeyStatuses]:
    """A level's sum over releases with the same keys, in the level's shape.

    Statuses: `no_coverage` where no release has coverage, `incomplete` where a release has no number.
    """
    rows = [release.table.filter(pc.equal(release.table["level"], level.name)) for release in releases]
    values, se = (np.stack([numbers(part).to_numpy() for part in rows]) for numbers in (_unbiased, itemgetter("se")))
    nowhere = np.all([pc.equal(part["status"], "no_coverage").to_numpy() for part in rows], axis=0)
    missing, shape = np.isnan(values).any(axis=0), level.shape(public)
    measured = Measured(*(np.nan_to_num(of, nan=1.0).sum(axis=0).reshape(shape) for of in (values, se**2)))
    return measured, [("no_coverage", nowhere.reshape(shape)), ("incomplete", missing.reshape(shape))]


def with_small(level: Level, public: PublicContext, measured: Measured, statuses: KeyStatuses) -> DerivedLevel:
    """The level with small numbers withheld: by their own standard errors, else as drawn ones."""
    values, se = measured.values.ravel(), np.sqrt(measured.variances.ravel())
    least = least_shown(measured.variances).ravel()
    countable = ~np.any([mask.ravel() for _, mask in statuses], axis=0)
    small = (values < least) | mostly_noise(values, se, least, attribute_groups(public, level), countable)
    return DerivedLevel(measured, [*statuses, (WITHHELD_SMALL, small)])


def _unbiased(rows: pa.Table) -> pa.ChunkedArray:
    """Values before inequalities: a sum of projected values would be biased (docs/adr/0066)."""
    return pc.coalesce(rows[UNBIASED], rows["value"]) if UNBIASED in rows.column_names else rows["value"]
