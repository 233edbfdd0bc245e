"""What is said of files that no format fits: never what stands in their first line."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput
from tasks.events.files import group_files
from tasks.events.formats import load_formats
from tests.unit.events.factory import NATIVE, landing_file, write


def refused(path: Path) -> str:
    with pytest.raises(RejectedInput) as refusal:
        group_files([landing_file(path)])
    return str(refusal.value)


@pytest.mark.parametrize(
    "line", ["jane doe,cella,call", "jane doe,cella,cell_id", "Jane,cella," + "x" * 40, "jane doe", "jane;cell_id"]
)
def test_a_first_line_of_letters_only_is_not_shown(tmp_path: Path, line: Any) -> None:
    said = refused(write(tmp_path / "bare.csv", f"{line}\n{line}\n".encode()))
    assert "known formats: native: subscriber_id" in said
    assert not [value for value in ("jane", "Jane", "cella", "xxx") if value in said]


def test_a_type_is_named_without_the_names_within_it(tmp_path: Path) -> None:
    columns = {name: pa.array(["x"]) for name in NATIVE} | {"event_at": pa.array([{"CANARYROW447700900999": 1}])}
    pq.write_table(pa.table(columns), tmp_path / "deep.parquet")
    said = refused(tmp_path / "deep.parquet")
    assert "column event_at is STRUCT, which cannot be read as time" in said
    assert "CANARY" not in said


BARE = """
[events.bare]
separator = "|"
header = false
names = ["who", "seconds", "cell"]
subscriber = "who"
time = { column = "seconds", unit = "s" }
cell = "cell"
"""
ROW = b"s|1772362800|c0\n"


@pytest.mark.parametrize("first", [b"", b"\xff|\n", b"|||||\n", b'"a\n', b"a\rb|c\n", b"\n", b"x" * 99 + b"\n"])
def test_a_file_without_header_is_known_by_most_of_its_lines(tmp_path: Path, first: Any) -> None:
    (tmp_path / "formats.toml").write_text(BARE)
    formats = load_formats(tmp_path / "formats.toml")
    file = landing_file(write(tmp_path / "e.csv", first + ROW * 3))
    (group,), _ = group_files([file], formats)
    assert [name for name, _ in group.columns] == ["who", "seconds", "cell"]


def test_a_file_without_header_and_of_another_width_is_refused(tmp_path: Path) -> None:
    (tmp_path / "formats.toml").write_text(BARE)
    with pytest.raises(RejectedInput):
        group_files(
            [landing_file(write(tmp_path / "e.csv", ROW + b"a|b\n" * 2))], load_formats(tmp_path / "formats.toml")
        )
