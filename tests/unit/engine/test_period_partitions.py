"""What the month keeps of a day stands in the month's own order."""

import numpy as np
import pyarrow as pa

from tasks.engine.partitions import LAKE_PARTITIONS, lake_partition, scratch_partitions
from tasks.engine.period_partitions import PeriodPartitions


def visits(subscriber, zone, night):
    columns = {"subscriber": np.int32, "zone": np.int32, "night_minutes": np.int16}
    values = (subscriber, zone, night)
    return pa.table({name: np.array(value, of) for (name, of), value in zip(columns.items(), values, strict=True)})


def test_rows_come_back_by_bucket_sorted_by_the_months_pseudonym_and_zone(tmp_path):
    month = np.array([(1 << 63) + 5, 7, (1 << 58) + 1], np.uint64)
    parts = PeriodPartitions(month, tmp_path / "month")
    parts.add(visits([0, 2], [3, 1 << 19], [540, 60]))
    parts.add(visits([1, 1], [9, 4], [60, 120]))
    parts.close()
    tables = {partition: parts.table(partition) for partition in range(LAKE_PARTITIONS)}
    rows = {
        partition: [tuple(row.values()) for row in table.to_pylist()]
        for partition, table in tables.items()
        if len(table)
    }
    assert rows == {
        0: [(7, 4, 120), (7, 9, 60)],
        1: [((1 << 58) + 1, 1 << 19, 60)],
        32: [((1 << 63) + 5, 3, 540)],
    }


def test_a_pseudonyms_bucket_is_its_top_six_bits():
    assert lake_partition(np.array([0, 2**58, 2**64 - 1], np.uint64)).tolist() == [0, 1, 63]


def test_larger_days_have_more_and_smaller_scratch_buckets():
    assert [scratch_partitions(size) for size in (0, 4 << 30, (4 << 30) + 1, 1 << 50)] == [64, 64, 128, 4096]
