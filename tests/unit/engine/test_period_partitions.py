"""What a longer period keeps of a day is in the period's own order."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.engine.partitions import LAKE_PARTITIONS, lake_partition, scratch_partitions
from tasks.engine.period_partitions import PeriodPartitions
from tasks.mobility.tables import MONTH_STATE, LakeTable
from tasks.period import Cadence


def rows(**columns: Any) -> Any:
    types = {
        "subscriber": np.int32,
        "zone": np.int32,
        "night_minutes": np.int16,
        "work_minutes": np.int16,
        "start": np.int64,
        "share": np.float32,
    }
    return pa.table({name: np.array(values, types[name]) for name, values in columns.items()})


def by_partition(partitions: Any) -> Any:
    partitions.close()
    tables = {partition: partitions.rows(partition) for partition in range(LAKE_PARTITIONS)}
    return {
        number: [tuple(row.values()) for row in table.to_pylist()] for number, table in tables.items() if len(table)
    }


def test_rows_come_back_by_partition_sorted_by_the_months_pseudonym_and_zone(tmp_path: Path) -> None:
    month = np.array([(1 << 63) + 5, 7, (1 << 58) + 1], np.uint64)
    partitions = PeriodPartitions(MONTH_STATE, month, tmp_path / "month")
    partitions.add(rows(subscriber=[0, 2], zone=[3, 1 << 19], night_minutes=[540, 60], work_minutes=[0, 480]))
    partitions.add(rows(subscriber=[1, 1], zone=[4, 9], night_minutes=[120, 60], work_minutes=[1, 2]))
    assert by_partition(partitions) == {
        0: [(7, 4, 120, 1), (7, 9, 60, 2)],
        1: [((1 << 58) + 1, 1 << 19, 60, 480)],
        32: [((1 << 63) + 5, 3, 540, 0)],
    }


def test_a_table_of_any_columns_of_fixed_width_comes_back_whole(tmp_path: Path) -> None:
    schema = pa.schema([("pseudonym", pa.uint64()), ("start", pa.int64()), ("share", pa.float32())])
    table = LakeTable("stays", schema, Cadence.WEEK, ("pseudonym", "start"), lambda keys, cells, rules: {})
    partitions = PeriodPartitions(table, np.array([9, 2], np.uint64), tmp_path / "week")
    partitions.add(rows(subscriber=[0, 1, 1], start=[1 << 40, -3, 5], share=[0.5, 0.25, 1.0]))
    assert by_partition(partitions) == {0: [(2, -3, 0.25), (2, 5, 1.0), (9, 1 << 40, 0.5)]}


def test_a_pseudonyms_partition_is_its_top_six_bits() -> None:
    assert lake_partition(np.array([0, 2**58, 2**64 - 1], np.uint64)).tolist() == [0, 1, 63]


def test_larger_days_have_more_and_smaller_scratch_partitions() -> None:
    assert [scratch_partitions(size) for size in (0, 4 << 30, (4 << 30) + 1, 1 << 50)] == [64, 64, 128, 4096]
