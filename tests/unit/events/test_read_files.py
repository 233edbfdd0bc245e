"""Files as they come in: damaged, cut, badly quoted, oddly named; each is read, or rejected by name."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput, StepFailed, StorageUnavailable
from tasks.events.files import group_files
from tasks.events.landing import LandingFile
from tasks.events.read import ReadResult, read_group
from tasks.events.reasons import Reason
from tasks.events.row_rules import ReadContext
from tests.few_handles import end_with_few_handles
from tests.full_disk import disk_full_at
from tests.reference_read import Span
from tests.unit.events.factory import NATIVE, csv_bytes, landing_file, prepare, read, write, write_parquet

HEADER = ",".join(NATIVE).encode() + b"\n"
LINES = [f"s{n % 3},2026-03-01T10:{n // 60:02d}:{n % 60:02d}+01:00,c0,data\n".encode() for n in range(600)]
GOOD = HEADER + b"".join(LINES)


@pytest.fixture
def context(tmp_path: Path) -> ReadContext:
    panel = {f"s{n}": Span(n, 0, 86_400) for n in range(3)}
    return prepare(tmp_path / "day", panel, {"c0": [Span(0, 0, 86_400)]})


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def read_one(tmp_path: Path, context: ReadContext, name: str, content: bytes) -> ReadResult:
    """Read one file beside a good one, of which nothing may be lost."""
    tmp_path.joinpath("good.csv").write_bytes(GOOD)
    tmp_path.joinpath(name).write_bytes(content)
    files = [landing_file(tmp_path / "good.csv"), landing_file(tmp_path / name)]
    found, keys = read(files, context, tmp_path / "out")
    assert found.account.rows_in["good.csv"] == 600
    assert sum(map(len, keys)) == found.account.kept
    return found


def events(path: Path, **columns: pa.Array) -> LandingFile:
    rows = {
        "subscriber_id": pa.array(["s0", "s1"]),
        "event_at": pa.array(["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"]),
        "cell_id": pa.array(["c0", "c0"]),
        "event_type": pa.array(["data", "data"]),
    }
    return landing_file(write_parquet(path, rows | columns))


CUT = {
    "half.csv.gz": gzip.compress(GOOD)[:400],
    "no-end.csv.gz": gzip.compress(GOOD)[:-3],
    "bad-checksum.csv.gz": gzip.compress(GOOD)[:-8] + b"\0\0\0\0" + gzip.compress(GOOD)[-4:],
    "half.csv.zst": zstd(GOOD)[: len(zstd(GOOD)) // 2],
    "no-end.csv.zst": zstd(GOOD)[:-3],
}


@pytest.mark.parametrize("name", CUT)
def test_a_compressed_stream_that_is_cut_rejects_its_file_and_no_other(
    tmp_path: Path, context: ReadContext, name: Any
) -> None:
    found = read_one(tmp_path, context, name, CUT[name])
    assert [file.name for file in found.unreadable] == [name]
    assert found.account.kept == 600


@pytest.mark.parametrize(("name", "pack"), [("a.csv.gz", gzip.compress), ("a.csv.zst", zstd), ("A.CSV", bytes)])
def test_whole_streams_are_read_whole(tmp_path: Path, context: ReadContext, name: str, pack: Any) -> None:
    assert read_one(tmp_path, context, name, pack(GOOD)).account.kept == 1200


def test_a_truncated_parquet_file_is_rejected_by_name(tmp_path: Path, context: ReadContext) -> None:
    whole = events(tmp_path / "whole.parquet").path.read_bytes()
    found = read_one(tmp_path, context, "cut.parquet", whole[: len(whole) // 2])
    assert [file.name for file in found.unreadable] == ["cut.parquet"]
    assert "truncated" in found.unreadable[0].why


def test_a_parquet_file_without_columns_is_rejected_by_name(tmp_path: Path, context: ReadContext) -> None:
    content = write_parquet(tmp_path / "none.parquet", {}).read_bytes()
    assert [file.name for file in read_one(tmp_path, context, "none.parquet", content).unreadable] == ["none.parquet"]


def test_parquet_files_damaged_in_the_middle_are_found_among_good_ones(tmp_path: Path, context: ReadContext) -> None:
    files = [events(tmp_path / f"part-{n}.parquet") for n in range(5)]
    for n in (1, 3):
        content = bytearray(files[n].path.read_bytes())
        content[4:60] = b"\xff" * 56
        files[n].path.write_bytes(bytes(content))
    found, keys = read(files, context, tmp_path / "out")
    assert [file.name for file in found.unreadable] == ["part-1.parquet", "part-3.parquet"]
    assert (found.account.total, sum(map(len, keys))) == (6, 6)


SPOILT = {
    "a field too few": (b"s1,c1\n", 1),
    "a field too many": (b"s1,2026-03-01T10:00:00Z,c0,data,more\n", 1),
    "bytes that are not UTF-8": (b"s\xff\xfe,2026-03-01T10:00:00Z,c0,data\n", 1),
    "text after a closed quote": (b's1,"2026-03-01T10:00:00Z"x,c0,data\n', 1),
    "two bad lines": (b"oops\nagain\n", 2),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_line_that_is_no_row_is_quarantined_by_its_line_number(
    tmp_path: Path, context: ReadContext, spoilt: Any
) -> None:
    line, count = SPOILT[spoilt]
    found = read_one(tmp_path, context, "bad.csv", HEADER + b"".join(LINES[:100]) + line + b"".join(LINES[100:200]))
    assert found.account.reasons == {Reason.UNREADABLE_ROW: count}
    assert found.account.rows_in["bad.csv"] == 200 + count
    assert found.quarantine.to_pylist() == [
        {"file": "bad.csv", "row": 102 + n, "reason": "unreadable_row"} for n in range(count)
    ]


@pytest.mark.parametrize(
    "spoilt",
    [
        b's1,"2026-03-01T10:00:00Z,c0,data\n',
        b's1,"2026-03-01T10:00:00Z,c0,data\n' + b"".join(LINES[:50]) + b's1,2026-03-01T10:00:00Z",c0,data\n',
    ],
    ids=["opened and never closed", "closed fifty lines later"],
)
def test_a_quote_left_open_costs_its_own_lines_only(tmp_path: Path, context: ReadContext, spoilt: Any) -> None:
    found = read_one(tmp_path, context, "bad.csv", HEADER + b"".join(LINES[:100]) + spoilt + b"".join(LINES))
    assert found.account.rows_in["bad.csv"] == 700 + spoilt.count(b"\n")
    assert found.account.reasons == {Reason.UNREADABLE_ROW: spoilt.count(b'"')}
    assert not found.unreadable


def test_values_in_quotes_blank_lines_a_byte_order_mark_and_windows_line_ends_are_read(
    tmp_path: Path, context: ReadContext
) -> None:
    row = b'"s1","2026-03-01T10:00:00Z","c0","d""a,ta"\r\n'
    content = b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n") + row + b"\r\n\r\n" + row[:-2]
    found = read_one(tmp_path, context, "odd.csv", content)
    assert found.account.rows_in["odd.csv"] == 2
    assert found.account.kept == 602


def test_a_header_repeated_within_a_file_is_a_row_of_nobody(tmp_path: Path, context: ReadContext) -> None:
    found = read_one(tmp_path, context, "twice.csv", HEADER + LINES[0] + HEADER + LINES[1])
    assert found.account.reasons == {Reason.NO_CONSENT: 1}


def test_each_line_may_have_a_line_end_of_its_own(tmp_path: Path, context: ReadContext) -> None:
    content = GOOD + b"".join(LINES).replace(b"\n", b"\r\n")
    assert read_one(tmp_path, context, "mixed.csv", content).account.kept == 600 + 1200


def test_bad_lines_are_set_aside_alone_however_many_they_are(tmp_path: Path, context: ReadContext) -> None:
    found = read_one(tmp_path, context, "noise.csv", GOOD + b"noise\n" * 100_001)
    assert found.account.reasons == {Reason.UNREADABLE_ROW: 100_001}
    assert found.account.kept == 1200


HEADERS = {
    "wrong delimiter": (GOOD.replace(b",", b";"), "separated by ';'"),
    "unknown columns": (b"who,when_,cell\n1,2,3\n", "none of its 3 columns has a known name"),
    "some columns": (
        b"subscriber_id,when_,cell_id,who\n1,2,3,4\n",
        "it has subscriber_id, cell_id and 2 columns of other",
    ),
    "too few columns": (
        b"msisdn,cell_id\n1,2\n",
        "it has msisdn, cell_id; the nearest format, flowkit-etl, lacks event_time",
    ),
    "no header": (b"".join(LINES), "no column names"),
    "nothing": (b"", "empty"),
    "a blank first line": (b"\n" + GOOD, "empty"),
    "a column twice": (HEADER.replace(b"event_type", b"cell_id,event_type"), "column cell_id is there more than once"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not UTF-8"),
}


@pytest.mark.parametrize("fault", HEADERS)
def test_a_file_of_no_known_format_is_rejected_with_what_was_seen(
    tmp_path: Path, context: ReadContext, fault: Any
) -> None:
    content, words = HEADERS[fault]
    found = read_one(tmp_path, context, "strange.csv", content)
    assert [file.name for file in found.unreadable] == ["strange.csv"]
    assert words in found.unreadable[0].why


def test_a_first_line_of_values_is_never_shown(tmp_path: Path) -> None:
    file = landing_file(write(tmp_path / "bare.csv", b"secret-4711,2026-03-01T10:00:00Z,c0,data\n"))
    with pytest.raises(RejectedInput) as refusal:
        group_files([file])
    assert "4711" not in str(refusal.value)
    assert "native: subscriber_id" in str(refusal.value)


def test_a_parquet_file_made_from_a_table_without_header_does_not_show_its_first_row(tmp_path: Path) -> None:
    row = ["secret-4711", "2026-03-01T10:00:00Z", "c0", "data"]
    pq.write_table(pa.table({name: pa.array([1]) for name in row}), tmp_path / "bare.parquet")
    with pytest.raises(RejectedInput, match="4 values that are no column names") as refusal:
        group_files([landing_file(tmp_path / "bare.parquet")])
    assert "secret" not in str(refusal.value)


def test_a_file_of_an_unknown_kind_is_rejected_by_name(tmp_path: Path, context: ReadContext) -> None:
    found = read_one(tmp_path, context, "part.csv.bz2", b"BZh")
    assert "ends in none of .parquet, .csv" in found.unreadable[0].why


def test_a_column_of_an_impossible_type_is_named(tmp_path: Path, context: ReadContext) -> None:
    file = events(tmp_path / "typed.parquet", event_at=pa.array([1, 2]))
    found, _ = read([file, landing_file(write(tmp_path / "good.csv", GOOD))], context, tmp_path / "out")
    assert found.unreadable[0].why.startswith("column event_at is BIGINT, which cannot be read as time")


def test_files_whose_columns_differ_are_each_read_by_their_own(tmp_path: Path, context: ReadContext) -> None:
    stamps = pa.array([1772359200, 1772362800], pa.timestamp("s")).cast(pa.timestamp("us", "UTC"))
    files = [
        events(tmp_path / "text.parquet"),
        events(tmp_path / "stamps.parquet", event_at=stamps, extra=pa.array([1.5, None])),
        landing_file(
            write(
                tmp_path / "more.csv",
                csv_bytes(
                    [("c0", "x", "s1", "2026-03-01T10:00:00Z", "")],
                    ("cell_id", "extra", "subscriber_id", "event_at", "event_type"),
                ),
            )
        ),
    ]
    found, keys = read(files, context, tmp_path / "out")
    assert len(group_files(files)[0]) == 3
    assert (found.account.kept, sum(map(len, keys))) == (5, 5)
    assert sorted(np.concatenate(keys).tolist())[0] == 39_600 << 20


@pytest.mark.parametrize("name", ["a'b, $c.csv", "glob[1].csv", "st*r.csv", "q?.csv", 'quo"te.parquet', "{a,b}.csv"])
def test_hostile_names_are_taken_literally(tmp_path: Path, context: ReadContext, name: str) -> None:
    write(tmp_path / "glob1.csv", GOOD)
    if name.endswith(".parquet"):
        file = events(tmp_path / name)
    else:
        file = landing_file(write(tmp_path / name, HEADER + b"s1,2026-03-01T10:00:00Z,c0,x\n" * 2))
    found, _ = read([file], context, tmp_path / "out")
    assert (found.account.rows_in, found.account.kept) == ({name: 2}, 2)


def test_a_parquet_row_is_quarantined_by_its_number_and_without_values(tmp_path: Path, context: ReadContext) -> None:
    file = events(tmp_path / "rows.parquet", cell_id=pa.array(["c0", "secret"]))
    found, _ = read([file], context, tmp_path / "out")
    assert found.quarantine.to_pylist() == [{"file": "rows.parquet", "row": 2, "reason": "unknown_cell"}]


def test_a_group_that_fails_leaves_nothing_behind(tmp_path: Path, context: ReadContext) -> None:
    files = [events(tmp_path / "a.parquet"), landing_file(write(tmp_path / "b.csv", GOOD))]
    (first, second), _ = group_files(files)
    out = tmp_path / "out"
    out.mkdir()
    read_group(first, context, out, partitions=1, memory_limit="200MB", threads=1)
    before = (out / "b00000.keys").read_bytes()
    with disk_full_at(1000), pytest.raises(StorageUnavailable, match="Free space"):
        read_group(second, context, out, partitions=1, memory_limit="200MB", threads=1)
    assert (out / "b00000.keys").read_bytes() == before


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".csv.gz"])
def test_files_that_this_machine_cannot_open_just_now_are_not_blamed(
    tmp_path: Path, context: ReadContext, kind: str
) -> None:
    paths = [tmp_path / f"{name}{kind}" for name in "abc"]
    files = [events(path) if kind == ".parquet" else landing_file(write(path, GOOD)) for path in paths]

    def read_all() -> str:
        try:
            groups, unreadable = group_files(files)
            (tmp_path / "out").mkdir(exist_ok=True)
            found = read_group(groups[0], context, tmp_path / "out", partitions=1, memory_limit="200MB", threads=1)
        except StorageUnavailable as fault:
            return "Too many open files" if "Too many open files" in fault.what else fault.what
        return f"without {len(unreadable) + len(found.unreadable)} of them"

    read_all()  # what is loaded once is there
    ends = {end_with_few_handles(read_all, handles) for handles in (*range(8), 40)}
    assert ends - {"died"} == {"Too many open files", "without 0 of them"}


def test_a_file_that_is_gone_when_it_is_read_is_named_and_the_others_are_read(
    tmp_path: Path, context: ReadContext
) -> None:
    files = [landing_file(write(tmp_path / name, GOOD)) for name in ("a.csv", "b.csv")]
    (group,), _ = group_files(files)
    files[0].path.unlink()
    (tmp_path / "out").mkdir()
    found = read_group(group, context, tmp_path / "out", partitions=1, memory_limit="200MB", threads=1)
    assert [(file.name, "it is gone" in file.why) for file in found.unreadable] == [(files[0].name, True)]
    assert list(found.account.rows_in) == [files[1].name]


def test_too_little_memory_is_said_as_such_and_blames_no_file(tmp_path: Path, context: ReadContext) -> None:
    (group,), _ = group_files([landing_file(write(tmp_path / "a.csv", GOOD))])
    (tmp_path / "out").mkdir()
    with pytest.raises(StepFailed, match="THRONG_MEMORY_LIMIT"):
        read_group(group, context, tmp_path / "out", partitions=1, memory_limit="1MB", threads=1)
