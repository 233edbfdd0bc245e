"""Parquet row by row: where one value makes DuckDB refuse a file, or a column hides what DuckDB calls rows by."""

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.events.files import group_files
from tasks.events.parquet_rows import parquet_rows
from tasks.events.reasons import Reason
from tasks.events.row_rules import ReadContext
from tests.reference_read import Span
from tests.unit.events.factory import landing_file, prepare, read, write_parquet

WHOLE_DAY = Span(0, 0, 86_400)
NOON = 1_772_362_800
UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
MOST = 2**63 - 1
TODAY = 2_440_588 + NOON // 86_400
NANOSECONDS = (-1, -(10**13), 10**14, -MOST - 1, MOST, -(10**18), 7)
GARBAGE = [(n, day) for n in NANOSECONDS for day in (0, TODAY - 213_504, TODAY, TODAY + 1, 2**31, 2**32 - 1)]
"""Times of INT96 whose nanoseconds or days are none."""
TIMES = st.integers(-MOST - 1, MOST) | st.integers(-3, 3).map(lambda n: (MOST - 3 if n > 0 else -MOST + 3) + n)
IDS = (
    pa.string(),
    pa.large_string(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.binary(),
    pa.int64(),
    pa.decimal128(20, 0),
    pa.float64(),
)


@pytest.fixture
def context(tmp_path: Path) -> ReadContext:
    return prepare(tmp_path / "day", {"1": Span(0, 0, 86_400), "2": Span(1, 0, 86_400)}, {"c0": [WHOLE_DAY]})


def native(path: Path, **columns: pa.Array) -> Path:
    rows = {
        "subscriber_id": pa.array(["1", "2"]),
        "event_at": pa.array(["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"]),
        "cell_id": pa.array(["c0", "c0"]),
        "event_type": pa.array(["data", "data"]),
    }
    return write_parquet(path, rows | columns)


@pytest.mark.parametrize("name", ["file_row_number", "file_index", "File_Row_Number", "filename"])
def test_a_column_called_like_one_of_duckdbs_own_is_left_alone(tmp_path: Path, context: ReadContext, name: str) -> None:
    mine = {name: pa.array([900_000, 900_001])}
    first = landing_file(native(tmp_path / "a.parquet", **mine))
    second = landing_file(native(tmp_path / "b.parquet", cell_id=pa.array(["c0", "nowhere"]), **mine))
    found, _ = read([first, second], context, tmp_path / "out")
    assert found.account.kept == 3
    assert found.quarantine.to_pylist() == [{"file": "b.parquet", "row": 2, "reason": "unknown_cell"}]


def test_a_row_whose_text_is_not_utf_8_is_quarantined_alone_by_its_number(tmp_path: Path, context: ReadContext) -> None:
    ids = pa.array([b"1", b"2\xff", b"2"]).view(pa.string())
    columns = {"event_at": pa.array(["2026-03-01T10:00:00Z"] * 3), "event_type": pa.array(["x"] * 3)}
    cells = pa.DictionaryArray.from_arrays([0, 0, 1], pa.array([b"c0", b"c\xff"]).view(pa.string()))
    file = landing_file(native(tmp_path / "a.parquet", subscriber_id=ids, cell_id=cells, **columns))
    found, keys = read([file], context, tmp_path / "out")
    assert [(row["row"], row["reason"]) for row in found.quarantine.to_pylist()] == [
        (2, "unreadable_row"),
        (3, "unreadable_row"),
    ]
    assert (found.account.kept, sum(map(len, keys)), found.unreadable) == (1, 1, ())
    (alone,) = parquet_rows(tmp_path / "a.parquet", ["subscriber_id"])
    assert (alone.places.tolist(), alone.columns[0].to_pylist()) == ([0, 2], ["1", "2"])


def test_a_column_that_nobody_reads_may_hold_anything(tmp_path: Path, context: ReadContext) -> None:
    junk = pa.array([b"\xff", b"\xfe"]).view(pa.string())
    found, _ = read([landing_file(native(tmp_path / "a.parquet", junk=junk))], context, tmp_path / "out")
    assert found.account.kept == 2


@st.composite
def columns(draw: st.DrawFn) -> dict[str, pa.Array]:
    """Ids and times of any type, near the limits of each, some missing."""
    size = draw(st.integers(1, 6))
    type_ = draw(st.sampled_from(IDS))
    known = [1, 2, 3] if pa.types.is_dictionary(type_) else [1, 2, 3, None]
    ids = draw(st.lists(st.sampled_from(known), min_size=size, max_size=size))
    text = pa.array([None if each is None else str(each) for each in ids])
    subscriber = text.dictionary_encode() if pa.types.is_dictionary(type_) else text.cast(type_)
    unit, zone = draw(st.sampled_from(sorted(UNITS))), draw(st.sampled_from([None, "UTC", "Europe/Berlin"]))
    moments = st.none() | st.just(NOON * UNITS[unit]) | TIMES
    times = pa.array(draw(st.lists(moments, min_size=size, max_size=size)), pa.int64()).cast(pa.timestamp(unit, zone))
    return {
        "subscriber_id": subscriber,
        "event_at": times,
        "cell_id": pa.array(["c0"] * size),
        "event_type": pa.array(["x"] * size),
    }


@settings(max_examples=40, deadline=None)
@given(columns())
def test_duckdb_and_the_reader_of_rows_agree_on_every_type(found: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        ready = prepare(root / "day", {"1": WHOLE_DAY, "2": Span(1, 0, 86_400)}, {"c0": [WHOLE_DAY]})
        mine = {**found, "file_index": pa.array([7] * len(found["cell_id"]))}
        results = []
        for place, content in enumerate((found, mine)):
            path = root / str(place) / "a.parquet"
            path.parent.mkdir()
            pq.write_table(pa.table(content), path, version="2.6")
            account, keys = read([landing_file(path)], ready, root / f"out{place}")
            results.append((account.account, account.quarantine.to_pylist(), np.concatenate(keys).tolist()))
    assert results[0] == results[1]


def int96_file(path: Path, values: Sequence[tuple[int, int]], **columns: pa.Array) -> Path:
    """Events of subscriber 1 at INT96 times (nanoseconds of the day, Julian day), whatever these are."""
    rows = {name: pa.array([text] * len(values)) for name, text in (("subscriber_id", "1"), ("cell_id", "c0"))}
    rows |= {"event_type": pa.array(["data"] * len(values)), **columns}
    noon = pa.array([NOON * 10**9] * len(values)).cast(pa.timestamp("ns"))
    writes = {"use_deprecated_int96_timestamps": True, "use_dictionary": False, "row_group_size": 2}
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({**rows, "event_at": noon}), path, compression="none", **writes)
    content = path.read_bytes()
    for value in values:
        content = content.replace(struct.pack("<qI", 11 * 3600 * 10**9, TODAY), struct.pack("<qI", *value), 1)
    path.write_bytes(content)
    return path


def test_no_strangers_value_changes_what_a_garbage_int96_time_means(
    tmp_path: Path, context: ReadContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.events.parquet_rows._BATCH_ROWS", 3)
    found = []
    for cell in (b"x", b"\xff"):
        last = {"subscriber_id": pa.array([b"1"] * len(GARBAGE) + [b"stranger"]).view(pa.string())}
        last["cell_id"] = pa.array([b"c0"] * len(GARBAGE) + [cell]).view(pa.string())
        file = landing_file(int96_file(tmp_path / cell.hex() / "a.parquet", [*GARBAGE, (0, TODAY)], **last))
        account, keys = read([file], context, tmp_path / cell.hex() / "out")
        found.append((account.account, np.concatenate(keys).tolist()))
    assert (found[0][0].kept, found[0][1]) == (found[1][0].kept, found[1][1])
    assert found[1][0].set_aside["a.parquet", Reason.UNREADABLE_ROW] == 1


def test_a_file_whose_int96_times_are_cut_is_damaged(tmp_path: Path, context: ReadContext) -> None:
    cells = pa.array([b"c0", b"\xff"]).view(pa.string())
    path = int96_file(tmp_path / "a.parquet", [(0, TODAY)] * 2, cell_id=cells)
    place = pq.read_metadata(path).row_group(0).column(3).data_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)
    found, _ = read([landing_file(path)], context, tmp_path / "out")
    assert [file.name for file in found.unreadable] == ["a.parquet"]
    with pytest.raises(OSError, match=r"a\.parquet"):
        list(parquet_rows(path, ["event_at"], ["event_at"]))


def test_files_of_one_schema_are_described_by_duckdb_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = {"described_once": pa.array([0, 1])}  # no other test of this process has files of this schema
    files = [landing_file(native(tmp_path / f"{n}.parquet", **unseen)) for n in range(9)]
    times = pa.array([0, 1], pa.timestamp("us", "UTC"))
    files.append(landing_file(native(tmp_path / "x.parquet", event_at=times, **unseen)))
    opened: list[object] = []
    connect = duckdb.connect

    def counted(*at: Any, **how: Any) -> Any:
        opened.append(at)
        return connect(*at, **how)

    monkeypatch.setattr(duckdb, "connect", counted)
    groups, _ = group_files(files)
    assert sorted(len(group.files) for group in groups) == [1, 9]
    assert len(opened) == 2


def test_many_files_are_read_some_at_a_time(
    tmp_path: Path, context: ReadContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [landing_file(native(tmp_path / f"{n}.parquet")) for n in range(7)]
    (tmp_path / "3.parquet").write_bytes((tmp_path / "3.parquet").read_bytes().replace(b"c0", b"c\xff"))
    whole, _ = read(files, context, tmp_path / "whole")
    monkeypatch.setattr("tasks.events.files.MOST_FILES", 3)
    assert sorted(len(group.files) for group in group_files(files)[0]) == [1, 3, 3]
    parts, _ = read(files, context, tmp_path / "parts")
    assert (parts.account, parts.quarantine.num_rows) == (whole.account, whole.quarantine.num_rows)
