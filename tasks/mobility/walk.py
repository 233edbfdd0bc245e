"""The walk of one partition: keys are cleaned once, then each kernel makes its tables from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.mobility.cleaning import drop_unfit
from tasks.mobility.day import COUNT_NAMES, CellArrays, Int64, WalkRules, profile_size
from tasks.mobility.tables import LakeTable


@dataclass(frozen=True)
class Walked:
    """One partition's day: tables by subscriber, rows by COUNT_NAMES, and the profile in 1/64 rows."""

    tables: Mapping[LakeTable, pa.Table]
    counts: Int64
    profile: Int64


def walk_partition(keys: Int64, cells: CellArrays, rules: WalkRules, tables: Sequence[LakeTable]) -> Walked:
    """Walk the subscribers of a partition; `keys` (any order, whole subscribers) is sorted and used up."""
    keys.sort()
    counts, profile = np.zeros(len(COUNT_NAMES), np.int64), np.zeros(profile_size(rules), np.int64)
    kept = drop_unfit(keys, cells, rules, counts, profile, np.zeros_like(profile))
    made: dict[str, pa.Table] = {}
    for kernel in dict.fromkeys(table.kernel for table in tables):
        made.update(kernel(keys[:kept], cells, rules))
    return Walked({table: made[table.name] for table in tables}, counts, profile)
