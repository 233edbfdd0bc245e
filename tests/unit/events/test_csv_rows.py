"""CSV lines against their plain twin: each line by itself, whatever stands in it."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.events.csv_rows import Csv, csv_rows
from tests import reference_csv
from tests.unit.events.factory import write

PIECES = (b'"', b'""', b",", b";", b"\r", b"\r\n", b"\n", b"\0", b"a", b"b c", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80")
LINES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)


def read(path: Path, csv: Csv) -> tuple[dict[int, list[str]], list[int]]:
    """All fields of a file's rows by line, and the lines that are no row."""
    found: dict[int, list[str]] = {}
    faults: list[int] = []
    for rows in csv_rows(path, csv, range(csv.fields)):
        values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        found |= dict(zip(rows.places.tolist(), map(list, values), strict=True))
        faults += rows.unreadable.tolist()
    return found, faults


@given(LINES, st.integers(1, 4), st.sampled_from(",;\t|"), st.booleans(), st.sampled_from((1, 5, 1 << 22)))
def test_lines_are_read_as_the_plain_reference_reads_them(
    content: Any, fields: Any, separator: Any, header: Any, block: Any
) -> None:
    expected = reference_csv.rows(content, fields, separator)
    if header:
        expected[0].pop(0, None)
        expected = expected[0], [line for line in expected[1] if line]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.events.csv_rows._BLOCK", block)
        assert read(write(Path(name) / "e.csv", content), Csv(fields, separator, header)) == expected


@given(st.binary(min_size=1, max_size=6))
def test_text_is_what_python_takes_for_utf_8(content: Any) -> None:
    content = bytes(byte for byte in content if byte not in b'\0\r\n"')
    with tempfile.TemporaryDirectory() as name:
        found = read(write(Path(name) / "e.csv", content + b"|\n"), Csv(2, "|", header=False))
    assert found == reference_csv.rows(content + b"|\n", 2, "|")


@pytest.mark.parametrize(
    "character", ["\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"]
)
def test_every_plane_of_unicode_is_read(tmp_path: Path, character: str) -> None:
    assert read(write(tmp_path / "e.csv", f"{character};".encode()), Csv(2, ";", header=False)) == (
        {0: [character, ""]},
        [],
    )


def test_an_endless_line_is_one_bad_line_and_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.events.csv_rows._BLOCK", 1 << 16)
    longest = b"a," + b"x" * (reference_csv.LONGEST - 2)
    path = write(tmp_path / "e.csv", b"h,i\n" + longest + b"\n" + b"y" * (1 << 24) + b"\na,b\n" + longest + b"x\na,c")
    before = pa.total_allocated_bytes()
    found, faults = read(path, Csv(2))
    assert (list(found), faults) == ([1, 3, 5], [2, 4])
    assert pa.total_allocated_bytes() - before < 1 << 22


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    assert read(write(tmp_path / "b.csv", b"\xef\xbb\xbfa,b\n\xef\xbb\xbfc,d"), Csv(2, header=False)) == (
        {0: ["a", "b"], 1: ["\ufeffc", "d"]},
        [],
    )


def test_fields_that_nobody_uses_are_passed_over_and_judged_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", b'a,b,c\nd,"e,"",f\ng,h,\xff\n,"i""",\n')
    (rows,) = csv_rows(path, Csv(3, header=False), [1])
    assert (rows.columns[0].to_pylist(), rows.places.tolist(), rows.unreadable.tolist()) == (
        ["b", 'i"'],
        [0, 3],
        [1, 2],
    )
