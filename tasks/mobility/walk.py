"""The walk of one partition: keys are cleaned once, then each kernel makes its tables from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.mobility.cleaning import clean
from tasks.mobility.day import CellArrays, Int64, WalkRules
from tasks.mobility.tables import LakeTable


@dataclass(frozen=True)
class Walked:
    """One partition's day: tables by subscriber, rows by COUNT_NAMES, and the profile in 1/64 rows."""

    tables: Mapping[LakeTable, pa.Table]
    counts: Int64
    profile: Int64


def walk_partition(keys: Int64, cells: CellArrays, rules: WalkRules, tables: Sequence[LakeTable]) -> Walked:
    """Walk the subscribers of a partition; `keys` (any order, whole subscribers) is sorted and used up."""
    cleaned = clean(keys, cells, rules)
    made: dict[str, pa.Table] = {}
    for kernel in dict.fromkeys(table.kernel for table in tables):
        made.update(kernel(cleaned.keys, cells, rules))
    return Walked({table: made[table.name] for table in tables}, cleaned.counts, cleaned.profile)
