"""Formats told apart by their columns, and what reading takes from each."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.events.reasons import Reason
from tasks.events.row_rules import ReadContext
from tests.reference_read import Span
from tests.unit.events.factory import csv_bytes, landing_file, prepare, read, write, write_parquet

ID = b"\xab\xcd\x00\x12"
CELL = "12345678901234"
EUROSTAT = ("user_id", "timestamp", "mcc", "mnc", "plmn", "cell_id", "latitude", "longitude", "loc_error")


@pytest.fixture
def context(tmp_path: Path) -> ReadContext:
    return prepare(tmp_path / "day", {ID.hex(): Span(0, 0, 86_400)}, {CELL: [Span(0, 0, 86_400)]})


def kept_seconds(file: Path, context: ReadContext, out: Path) -> list[int]:
    _, keys = read([landing_file(file)], context, out)
    return [int(key) >> 20 for partition in keys for key in partition]


def test_binary_ids_join_as_lower_case_hexadecimal(tmp_path: Path, context: ReadContext) -> None:
    columns = {
        "user_id": pa.array([ID], pa.binary()),
        "timestamp": pa.array(["2026-03-01 10:00:00"]),
        "mcc": pa.array([262], pa.int32()),
        "mnc": pa.array(["07"]),
        "plmn": pa.array([None], pa.int32()),
        "cell_id": pa.array([CELL]),
    }
    file = write_parquet(tmp_path / "bronze.parquet", columns)
    assert kept_seconds(file, context, tmp_path / "out") == [36_000]


def test_eurostat_ids_in_csv_are_hexadecimal_of_either_case(tmp_path: Path, context: ReadContext) -> None:
    row = (ID.hex().upper(), "2026-03-01 10:00:00", "262", "07", "", CELL, "", "", "")
    file = write(tmp_path / "bronze.csv", csv_bytes([row], EUROSTAT))
    assert kept_seconds(file, context, tmp_path / "out") == [36_000]


NETWORKS = {
    ("262", "07", ""): True,
    ("262", "007", ""): True,
    ("262", "7", ""): False,
    ("262", "1a", ""): False,
    ("99", "07", ""): False,
    ("", "07", ""): False,
    ("262", "", ""): False,
    ("", "", "26207"): True,
    ("", "", "262007"): True,
    ("262", "07", "1234"): False,
    ("262", "07", "1234567"): False,
    ("262", "07", "x"): False,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_code_has_the_digits_the_ess_asks_for(tmp_path: Path, context: ReadContext, network: Any) -> None:
    row = (ID.hex(), "2026-03-01 10:00:00", *network, CELL, "", "", "")
    found, _ = read([landing_file(write(tmp_path / "b.csv", csv_bytes([row], EUROSTAT)))], context, tmp_path / "out")
    assert found.account.reasons == ({} if NETWORKS[network] else {Reason.BAD_PLMN: 1})


def test_flowkit_records_are_read_with_or_without_their_optional_columns(tmp_path: Path, context: ReadContext) -> None:
    row = (ID.hex(), "2026-03-01 09:00:00.123+00", "1", CELL)
    file = write(tmp_path / "calls.csv", csv_bytes([row], ("msisdn", "datetime", "outgoing", "location_id")))
    assert kept_seconds(file, context, tmp_path / "out") == [36_000]
    bare = landing_file(write(tmp_path / "bare.csv", csv_bytes([row[:2]], ("msisdn", "datetime"))))
    assert read([bare], context, tmp_path / "bare")[0].account.reasons == {Reason.MISSING_CELL: 1}


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["2026-03-01T10:00:00.9+01:00"]),
        pa.array(["2026-03-01T09:00Z"]),
        pa.array(["2026-03-01 10:00:00"]),
        pa.array([1772355600], pa.timestamp("s")).cast(pa.timestamp("us", "UTC")),
        pa.array([1772355600999999999], pa.timestamp("ns", "UTC")),
        pa.array([1772359200999], pa.timestamp("ms")),
        pa.array([1772359200999999999], pa.timestamp("ns")),
    ],
    ids=["offset", "Z", "landing clock", "zoned us", "zoned ns", "clock ms", "clock ns"],
)
def test_times_come_as_text_or_timestamps_and_are_cut_to_seconds(
    tmp_path: Path, context: ReadContext, column: Any
) -> None:
    columns = {"subscriber_id": pa.array([ID.hex()]), "event_at": column, "cell_id": pa.array([CELL])}
    file = write_parquet(tmp_path / "n.parquet", columns | {"event_type": pa.array(["data"])})
    assert kept_seconds(file, context, tmp_path / "out") == [36_000]


def test_an_infinite_timestamp_is_a_bad_time(tmp_path: Path, context: ReadContext) -> None:
    columns = {
        "subscriber_id": pa.array([ID.hex()] * 2),
        "event_at": pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("us", "UTC")),
        "cell_id": pa.array([CELL] * 2),
        "event_type": pa.array(["data"] * 2),
    }
    file = landing_file(write_parquet(tmp_path / "n.parquet", columns))
    assert set(read([file], context, tmp_path / "out")[0].account.reasons) <= {Reason.BAD_TIME, Reason.OUTSIDE_DAY}
