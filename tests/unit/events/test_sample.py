"""A sample of a file in any container says what share of its rows is readable, and which ids are known."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.events.files import columns_of
from tasks.events.formats import parse, shipped
from tasks.events.formats.detect import UnreadableFile, kind_of
from tasks.events.formats.sections import EventFormat, Ids, Layout
from tasks.events.sample import LandingContext, Shares, sampled, shares, subscriber_ids
from tests.unit.events.factory import NATIVE, csv_bytes, write, write_parquet

ZONE = ZoneInfo("Europe/Berlin")
ROWS = [
    ("A1", "2026-03-01T08:00:00Z", "c1", "call"),
    ("", "2026-03-01T08:00:00Z", "c2", "call"),
    *[("B", f"01.03.2026 08:0{n}", "c9", "call") for n in range(3)],
    ("B", "", "", "call"),
]


def _shares(path: Path, format_: EventFormat, cells: list[str] | None = None) -> Shares:
    columns = columns_of(path, format_)
    with sampled(path, kind_of(path.name, [Layout()]), format_, columns) as con:
        return shares(con, format_, columns, ZONE, LandingContext(cells))


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz"])
def test_rows_with_an_id_a_time_and_a_cell_are_counted(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, csv_bytes(ROWS))
    native = shipped().events["native"]
    assert _shares(path, native) == Shares(6, 5, 2, 5, "99.99.9999 99:99")
    assert _shares(path, native, ["c1", "c2"]).cells == 2


def test_parquet_is_sampled_as_csv_is(tmp_path: Path) -> None:
    columns = {
        "subscriber_id": pa.array(["A", None]),
        "event_at": pa.array([datetime(2026, 3, 1, tzinfo=UTC)] * 2),
        "cell_id": pa.array(["c1", "c2"]),
        "event_type": pa.array(["call", None]),
    }
    path = write_parquet(tmp_path / "e.parquet", columns)
    assert _shares(path, shipped().events["native"], ["c2"]) == Shares(2, 1, 2, 1)


def test_a_mapped_layout_is_sampled_by_its_own_signs(tmp_path: Path) -> None:
    mapping = """
    [events.own]
    separator = ";"
    header = false
    names = ["who", "day", "clock", "cell"]
    subscriber = "who"
    time = { column = ["day", "clock"], pattern = ["%d.%m.%Y", "%H:%M"] }
    cell = "cell"
    """
    path = write(tmp_path / "e.csv", b"A;01.03.2026;08:00;c1\nB;01.03.2026;x;c1\n")
    assert _shares(path, parse(mapping.encode(), "test").events["own"]) == Shares(2, 2, 1, 2)


def test_a_file_whose_rows_cannot_be_read_is_unfit(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "e.parquet", {name: pa.array(["x"] * 9999) for name in NATIVE})
    columns = columns_of(path)
    body = path.read_bytes()
    path.write_bytes(body[:4] + b"\0" * 200 + body[204:])
    with pytest.raises(UnreadableFile), sampled(path, ".parquet", Layout(), columns):
        pass


def test_ids_stand_as_the_register_has_them_whatever_rule_compares_them(tmp_path: Path) -> None:
    write(tmp_path / "subscribers.csv", b"subscriber_id\n+49A\n0049a\n")
    formats = shipped().model_copy(update={"ids": Ids(case="lower", prefixes={"+49": "0"})})
    found = subscriber_ids(tmp_path, formats)
    assert found is not None
    assert sorted(found.to_pylist()) == ["+49A", "0049a"]


def test_a_landing_without_subscribers_has_no_ids(tmp_path: Path) -> None:
    assert subscriber_ids(tmp_path, shipped()) is None


def test_a_damaged_register_of_subscribers_has_no_ids(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.parquet"
    pq.write_table(pa.table({"subscriber_id": [str(n) * 9 for n in range(9999)]}), path, use_dictionary=False)
    content = path.read_bytes()
    path.write_bytes(content[:1000] + b"\xff" * 4000 + content[5000:])
    assert subscriber_ids(tmp_path, shipped()) is None
