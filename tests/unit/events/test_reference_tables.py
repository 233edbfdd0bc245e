"""Registers as files: what is in them, how many rows, whatever their names and ages say."""

import os
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.errors import RejectedInput, StorageUnavailable
from tasks.events import duckdb_session
from tasks.events.clock import Clock
from tasks.events.file_digests import digest
from tasks.events.formats import Formats, parse, shipped
from tasks.events.reference_tables import count_rows, load, open_reference_table
from tests.unit.events.factory import write, write_parquet


def rows(path: Path, formats: Formats | None = None) -> int:
    return count_rows(path, ("a",), formats or shipped())


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    one, two = write(tmp_path / "consents.csv", b"a\n1\n"), write(tmp_path / "old.csv", b"a\n1\n")
    os.utime(two, (1, 1))
    assert digest(one) == digest(two)
    write(one, b"a\n2\n")
    assert digest(one) != digest(two)


def test_a_folder_of_parts_is_one_register(tmp_path: Path) -> None:
    write(tmp_path / "consents.csv/part-0.csv", b"a\n1\n")
    before = digest(tmp_path / "consents.csv")
    write(tmp_path / "consents.csv/_SUCCESS", b"")
    assert digest(tmp_path / "consents.csv") == before
    write(tmp_path / "consents.csv/part-1.csv", b"a\n1\n2\n")
    assert digest(tmp_path / "consents.csv") != before
    assert rows(tmp_path / "consents.csv") == 3


def test_rows_are_counted_without_reading_them(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.csv", b"a\n1\n2")) == 2
    assert rows(write(tmp_path / "blank.csv", b"a\r\n\r\n\n1\r\n" + b"2\n" * (1 << 19) + b"\n3")) == (1 << 19) + 2
    assert rows(write_parquet(tmp_path / "a.parquet", {"a": pa.array([1, 2, 3])})) == 3
    with pytest.raises(RejectedInput):
        rows(write(tmp_path / "b.parquet", b"PAR1 and no more"))


def test_a_register_without_header_has_a_row_in_its_first_line(tmp_path: Path) -> None:
    own = parse(b'[consents.own]\nheader = false\nnames = ["a"]\n[landing]\nignore = ["*.flag"]', "formats.toml")
    formats = shipped().model_copy(update={"consents": own.consents, "landing": own.landing})
    write(tmp_path / "consents.csv/part-0.csv", b"1\n2\n")
    write(tmp_path / "consents.csv/done.flag", b"1\n")
    assert rows(tmp_path / "consents.csv", formats) == 2


@pytest.mark.parametrize("lost", [0, 3])
def test_a_part_whose_compressed_stream_is_cut_rejects_the_register(tmp_path: Path, lost: int) -> None:
    content = pa.compress(b"a\n" + b"1\n" * (1 << 19), codec="zstd", asbytes=True)
    write(tmp_path / "consents/part-0.csv.zst", content[: len(content) - lost])
    register = open_reference_table(tmp_path / "consents", ("a",), (), Clock((), 0), shipped())
    with duckdb_session.connect("200MB", 1, None) as con, pytest.raises(RejectedInput) if lost else nullcontext():
        load(con, register, "found", register.text("a"))
        assert con.sql("SELECT count(*) FROM found").fetchall() == [(1 << 19,)]


def test_a_register_that_cannot_be_looked_at_is_no_fault_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        digest(tmp_path / "consents.csv")
    (tmp_path / "parts.csv" / "part-0.csv").mkdir(parents=True)
    with pytest.raises(StorageUnavailable):
        digest(tmp_path / "parts.csv")
