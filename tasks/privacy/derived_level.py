"""A level that is computed from noisy numbers: of one release, or of several."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.privacy.bounds import Integers, Reals, check_chosen, defect
from tasks.privacy.measured import Measured
from tasks.privacy.release_table import OWN_COLUMNS, KeyStatuses, level_table


@dataclass(frozen=True)
class DerivedLevel:
    """A level's values and variances over its keys in draw order, and which of them have a status instead.

    The product says which values are `withheld_small`. Without `interval`, low and high are 90 % of a normal error.
    """

    measured: Measured
    statuses: KeyStatuses = ()
    interval: tuple[Reals, Reals] | None = None
    chosen: Integers | None = None
    """Ascending flat keys that have a row, of a sparse level; None: all keys."""

    def table(self, name: str, keys: pa.Table) -> pa.Table:
        """The level as a release holds it; raises StepFailed if it does not fit its keys."""
        _check(name, self, keys)
        return level_table(name, self.measured, None, keys, self.statuses, interval=self.interval)


def _check(name: str, level: DerivedLevel, keys: pa.Table) -> None:
    values, variances = level.measured.values, level.measured.variances
    masks = [mask for _, mask in level.statuses]
    ends = level.interval or ()
    if OWN_COLUMNS.intersection(keys.column_names):
        raise defect(f"key columns of {name} may not be named {', '.join(sorted(OWN_COLUMNS))}")
    if level.chosen is not None:
        check_chosen(name, level.chosen)
    if {array.size for array in (values, variances, *masks, *ends)} != {keys.num_rows}:
        raise defect(f"{name} needs one value, variance and status for each of its {keys.num_rows} keys")
    hidden = np.any([mask.ravel() for mask in masks], axis=0) if masks else np.zeros(values.size, dtype=bool)
    if not np.all(hidden | (np.isfinite(values.ravel()) & (variances.ravel() >= 0))):
        raise defect(f"{name} has an estimate that is no number")
