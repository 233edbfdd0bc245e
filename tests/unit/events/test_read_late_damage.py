"""A file whose damage lies behind what was read already: rejected by name all the same, and nothing of it stays."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.events.row_rules import ReadContext
from tests.reference_read import Span
from tests.unit.events.factory import NATIVE, csv_bytes, landing_file, prepare, read

ROWS = 300_000
ROW = ("s0", "2026-03-01T10:00:00Z", "c0", "data")
GOOD = csv_bytes([ROW] * 10)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadContext:
    """Batches are small, so that many were read before the damage is met."""
    monkeypatch.setattr("tasks.events.read._BATCH_ROWS", 2048)
    return prepare(tmp_path / "day", {"s0": Span(0, 0, 86_400)}, {"c0": [Span(0, 0, 86_400)]})


def no_end(path: Path) -> Path:
    path.write_bytes(gzip.compress(csv_bytes([ROW] * ROWS), compresslevel=1)[:-1])
    return path


def broken_page(path: Path, begin: int = 40, compression: str = "snappy") -> Path:
    table = pa.table(
        {name: pa.array([f"{value} {n}" for n in range(ROWS)]) for name, value in zip(NATIVE, ROW, strict=True)}
    )
    pq.write_table(table, path, row_group_size=5_000, compression=compression, use_dictionary=False)
    last = pq.ParquetFile(path).metadata.row_group(ROWS // 5_000 - 1).column(0)
    content = bytearray(path.read_bytes())
    start = last.data_page_offset + begin
    content[start : start + 1_960] = bytes(1_960)
    path.write_bytes(content)
    return path


def broken_header(path: Path) -> Path:
    return broken_page(path, begin=0)


def broken_stream(path: Path) -> Path:
    return broken_page(path, compression="gzip")


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("late.csv.gz", no_end),
        ("late.parquet", broken_page),
        ("header.parquet", broken_header),
        ("stream.parquet", broken_stream),
    ],
)
def test_damage_behind_what_was_read_already_rejects_the_file_by_name(
    tmp_path: Path, context: ReadContext, name: str, damaged: Any
) -> None:
    (tmp_path / "good.csv").write_bytes(GOOD)
    files = [landing_file(tmp_path / "good.csv"), landing_file(damaged(tmp_path / name))]
    found, keys = read(files, context, tmp_path / "out")
    assert [file.name for file in found.unreadable] == [name]
    assert found.account.rows_in == {"good.csv": 10}
    assert sum(map(len, keys)) == found.account.kept


@pytest.mark.parametrize("name", ["No space left.csv.gz", "Permission denied.csv.gz"])
def test_a_damaged_file_is_not_taken_for_the_machines_fault_by_its_name(
    tmp_path: Path, context: ReadContext, name: str
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(csv_bytes([ROW] * ROWS), compresslevel=1)[:-1])
    found, _ = read([landing_file(tmp_path / name)], context, tmp_path / "out")
    assert [file.name for file in found.unreadable] == [name]
