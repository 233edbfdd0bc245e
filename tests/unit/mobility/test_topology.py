"""The cells as landed: what columns may hold, repeated rows, and versions that contradict each other."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RejectedInput
from tasks.events.plan_rules import PlanChecks
from tasks.mobility.cell_versions import Topology, in_order
from tasks.mobility.topology import read_topology
from tests.reference import Version, place_at

BERLIN = ZoneInfo("Europe/Berlin")
FAR = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
ONE = {"cell_id": ["c"], "latitude": [52.0], "longitude": [13.0], "valid_from": ["2026-01-01"], "valid_to": [""]}


def read(folder: Path, **columns: Any) -> Any:
    pq.write_table(pa.table({**ONE, **columns}), folder / "cells.parquet")
    return read_topology(folder, BERLIN)


def read_csv(folder: Path, *rows: Any) -> Any:
    folder.joinpath("cells.csv").write_text("\n".join(["cell_id,latitude,longitude,valid_from,valid_to", *rows]))
    return read_topology(folder, BERLIN)


def refused(reader: Any, *args: Any, **kwargs: Any) -> Any:
    with pytest.raises(RejectedInput) as error:
        reader(*args, **kwargs)
    return str(error.value)


def midnight(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=BERLIN).timestamp()


def test_dictionary_columns_are_read_as_what_they_hold(tmp_path: Path) -> None:
    coded = {name: pa.array(values).dictionary_encode() for name, values in ONE.items()}
    cells = read(tmp_path, **coded)
    assert (cells.cell_id[0], cells.latitude[0], cells.valid_from[0]) == ("c", 52.0, midnight(2026, 1, 1))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([date(2027, 1, 1)], pa.date32()),
        pa.array([date(2027, 1, 1)], pa.date64()),
        pa.array([datetime(2027, 1, 1)], pa.timestamp("s")),
        pa.array([1_798_761_600_000_000_001], pa.timestamp("ns")),
        pa.array([datetime(2026, 12, 31, 23, tzinfo=UTC)], pa.timestamp("ms", "America/New_York")),
        pa.array([1_798_758_000_000_000_001], pa.timestamp("ns", "UTC")),
        pa.array(["2027-01-01T00:00:00+01:00"], pa.large_string()),
    ],
    ids=str,
)
def test_every_type_of_time_says_the_same(tmp_path: Path, column: Any) -> None:
    assert read(tmp_path, valid_to=column).valid_to == pytest.approx(midnight(2027, 1, 1), abs=1e-5)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([FAR], pa.timestamp("us", "Europe/Berlin")),
        pa.array([FAR.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([2**62], pa.timestamp("ms")),
        pa.array(["9999-12-31T23:59:59-11:00"]),
        pa.nulls(1),
        pa.array(["  "]),
    ],
    ids=str,
)
def test_a_far_or_missing_end_is_far_away(tmp_path: Path, column: Any) -> None:
    assert read(tmp_path, valid_to=column).valid_to[0] > midnight(9990, 1, 1)


def test_an_early_start_is_long_ago(tmp_path: Path) -> None:
    assert read(tmp_path, valid_from=pa.array([-(2**62)], pa.timestamp("ms"))).valid_from[0] < midnight(2, 1, 1)
    assert read(tmp_path, valid_from=["0001-01-01"]).valid_from[0] < midnight(2, 1, 1)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("cell_id", pa.array([["c"]])),
        ("cell_id", pa.array([1.5])),
        ("cell_id", pa.array([b"\xff"])),
        ("cell_id", pa.array([True])),
        ("cell_id", pa.array([" "])),
        ("latitude", pa.array([[52.0]])),
        ("latitude", pa.array([True])),
        ("longitude", pa.array([{"x": 13.0}])),
        ("longitude", pa.array([b"13"])),
        ("longitude", pa.array([float("nan")])),
        ("valid_from", pa.array([["2026-01-01"]])),
        ("valid_from", pa.array([7])),
        ("valid_to", pa.array([b"2026-01-01"])),
        ("valid_to", pa.array([{"a": 1}])),
    ],
    ids=str,
)
def test_a_column_of_the_wrong_kind_is_named(tmp_path: Path, name: str, column: Any) -> None:
    assert name in refused(read, tmp_path, **{name: column})


def test_a_doubled_column_is_named(tmp_path: Path) -> None:
    columns = [pa.array(values) for values in ONE.values()]
    table = pa.Table.from_arrays([*columns, columns[0]], [*ONE, "cell_id"])
    pq.write_table(table, tmp_path / "cells.parquet")
    assert "cell_id" in refused(read_topology, tmp_path, BERLIN)
    (tmp_path / "cells.parquet").unlink()
    (tmp_path / "cells.csv").write_text("cell_id,latitude,longitude,valid_from,valid_to,latitude\nc,52,13,,,52\n")
    assert "latitude" in refused(read_topology, tmp_path, BERLIN)


def test_columns_that_are_not_needed_may_hold_anything(tmp_path: Path) -> None:
    other = pa.Table.from_arrays([pa.array([[1]]), pa.array([{"a": 1}])], ["x", "x"])
    table = pa.table(ONE)
    for column, name in zip(other.columns, other.column_names, strict=True):
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "cells.parquet")
    assert read_topology(tmp_path, BERLIN).cell_id.tolist() == ["c"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfec\x00e\x00", b"cell_id,\xe4\nc,1\n", b"PAR1 cut off"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / f"cells.{kind}").write_bytes(content)
    assert f"cells.{kind}" in refused(read_topology, tmp_path, BERLIN)


def test_a_repeated_row_is_one_cell(tmp_path: Path) -> None:
    cells = read_csv(tmp_path, "c1,50.2,8.2,,", "c2,50.7,8.7,2026-01-01,", "c1,50.2,8.2,,", "c1,50.2,8.2,,")
    assert cells.cell_id.tolist() == ["c1", "c2"]
    assert cells.valid_to.tolist() == [np.inf, np.inf]


def test_two_places_of_one_cell_at_one_time_are_named_with_both_rows(tmp_path: Path) -> None:
    said = refused(read_csv, tmp_path, "c1,50.2,8.2,,", "c2,50.7,8.7,,", "c1,50.3,8.2,,", "c2,50.8,8.7,,")
    assert "c1 in rows 1 and 3" in said
    assert "c2 in rows 2 and 4" in said


def test_two_ends_of_one_version_are_named(tmp_path: Path) -> None:
    assert "c1 in rows 1 and 2" in refused(read_csv, tmp_path, "c1,50,8,,2026-01-01", "c1,50,8,,2027-01-01")


def test_versions_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    moved = ("c1,50,8,2026-01-01,2026-06-01", "c1,51,8,2026-05-01,2026-07-01")
    assert "c1 in rows 1 and 2" in refused(read_csv, tmp_path, *moved)
    inside = ("c1,50,8,2026-01-01,2026-06-01", "c1,50,8,2026-05-01,2026-05-02")
    assert "c1 in rows 1 and 2" in refused(read_csv, tmp_path, *inside)


def test_a_version_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    for end in ("", "2099-12-31"):
        cells = read_csv(tmp_path, f"c1,50,8,2026-01-01,{end}", f"c1,51,8,2026-05-01,{end}")
        assert cells.valid_to[0] == cells.valid_from[1] == midnight(2026, 5, 1)


def test_daily_snapshots_that_overlap_in_one_place_are_versions(tmp_path: Path) -> None:
    cells = read_csv(tmp_path, *(f"c1,50,8,2026-01-0{n},2026-01-0{n + 3}" for n in range(1, 6)))
    assert (cells.valid_to[0], cells.valid_to[-1]) == (midnight(2026, 1, 2), midnight(2026, 1, 8))


def test_a_version_that_ends_before_it_begins_is_named(tmp_path: Path) -> None:
    assert "c1 in row 2" in refused(read_csv, tmp_path, "c0,50,8,,", "c1,50,8,2026-05-01,2026-01-01")


TIMES = range(-1, 9)
VERSIONS = st.lists(
    st.tuples(st.sampled_from([-np.inf, *range(6)]), st.sampled_from([*range(2, 8), np.inf]), st.integers(0, 1)),
    min_size=1,
    max_size=4,
)


def in_turn(versions: list[Version]) -> list[Version] | None:
    """One cell's versions as the plan has them; None where they are refused."""
    start, end, place = (np.array(column, float) for column in zip(*versions, strict=True))
    checks = PlanChecks()
    cells = in_order(
        Topology(
            "cells", np.array(["c"] * len(versions), object), place, place, start, end, np.full((len(place), 6), np.nan)
        ),
        checks,
    )
    if any(measure.stops for measure in checks.measures):
        return None
    return list(zip(cells.valid_from, cells.valid_to, cells.latitude, strict=True))


@given(VERSIONS, st.randoms())
def test_a_cell_stands_where_its_newest_version_says_in_whatever_order_the_rows_come(
    versions: Any, random: Any
) -> None:
    found = in_turn(versions)
    if found is not None:
        stands = [[place for start, end, place in found if start <= time < end] for time in TIMES]
        assert stands == [[place] if (place := place_at(versions, time)) is not None else [] for time in TIMES]
    assert in_turn(random.sample([*versions, versions[0]], len(versions) + 1)) == found
