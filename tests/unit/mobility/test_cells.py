"""The cell plan of a day: versions valid on it, their zones, and what is refused."""

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from shapely.geometry import box

from tasks import policy_file
from tasks.errors import RejectedInput
from tasks.mobility.evidence import evidence
from tasks.mobility.plans import load_plans
from tests.unit.mobility.test_zones import feature, square

TIME = policy_file.load().policy.time
DAY = date(2026, 3, 2)
ZONES = (feature("a", square(0, 0)), feature("b", square(1, 0)))
HEAD = "cell_id,latitude,longitude,valid_from,valid_to\n"


def cells_of(folder: Path, day: date = DAY, zones: Any = ZONES) -> Any:
    """The cell plan of a landing folder that holds cells already."""
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": zones}))
    return load_plans(folder, day, TIME).cells


def plan(tmp_path: Path, rows: Any, head: Any = HEAD, day: date = DAY) -> Any:
    (tmp_path / "cells.csv").write_text(head + rows)
    return cells_of(tmp_path, day)


def refused(tmp_path: Path, rows: Any, **kwargs: Any) -> Any:
    with pytest.raises(RejectedInput) as error:
        plan(tmp_path, rows, **kwargs)
    return error.value


def test_cells_are_ranked_by_id_and_find_their_zone(tmp_path: Path) -> None:
    cells = plan(tmp_path, "02,52.05,13.15,2026-01-01,\n01,52.05,13.05,2026-01-01,\n03,52.05,14,2026-01-01,\n")
    assert cells.cell_id.tolist() == ["01", "02", "03"], "leading zeros stay"
    assert cells.zone.tolist() == [0, 1, -1]


def test_a_cell_on_a_border_belongs_to_the_zone_with_the_lowest_id(tmp_path: Path) -> None:
    assert plan(tmp_path, "c,52.05,13.1,2026-01-01,\n").zone.tolist() == [0]


def test_versions_of_a_cell_follow_each_other_within_the_day(tmp_path: Path) -> None:
    cells = plan(
        tmp_path,
        "c,52.05,13.15,2026-03-02T12:00:00+01:00,\nc,52.05,13.05,2026-01-01,\nold,52,13,2025-01-01,2026-03-02\n",
    )
    assert cells.table().drop_columns(["latitude", "longitude"]).to_pydict() == {
        "cell_id": ["c", "c", "old"],
        "version": [0, 1, -1],
        "from_second": [0, 43200, 0],
        "to_second": [43200, 86400, 0],
    }
    covered = cells.covered_hours(2, 24)
    assert (covered[0].sum(), covered[1].sum(), covered[0, 11], covered[1, 12]) == (12, 12, True, True)


def test_validity_is_in_elapsed_seconds_on_the_long_day(tmp_path: Path) -> None:
    cells = plan(tmp_path, "c,52.05,13.05,2026-10-25T12:00,\n", day=date(2026, 10, 25))
    assert (cells.from_second.tolist(), cells.to_second.tolist()) == ([46800], [90000])


def test_eurostat_topology_and_parquet_say_the_same(tmp_path: Path) -> None:
    start = pa.array([datetime(2026, 3, 1, 23, tzinfo=UTC)], pa.timestamp("ns", "UTC"))
    place = {"cell_id": ["c"], "latitude": [52.05], "longitude": [13.05]}
    table = pa.table({**place, "valid_date_start": start, "valid_date_end": pa.nulls(1, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "cells.parquet")
    eurostat = cells_of(tmp_path)
    (tmp_path / "cells.parquet").unlink()
    assert plan(tmp_path, "c,52.05,13.05,2026-03-02,\n").version == eurostat.version
    (tmp_path / "cells.csv").unlink()
    pq.write_table(pa.table({**place, "valid_from": [DAY], "valid_to": pa.nulls(1)}), tmp_path / "cells.parquet")
    assert cells_of(tmp_path).version == eurostat.version


def test_the_version_changes_with_a_place_or_a_zone(tmp_path: Path) -> None:
    first = plan(tmp_path, "c,52.05,13.05,2026-01-01,\n")
    assert plan(tmp_path, "c,52.06,13.05,2026-01-01,\n").version != first.version
    assert plan(tmp_path, "c,52.05,13.05,,\n").version == first.version


def test_the_plane_overstates_distances_on_both_sides_of_the_equator(tmp_path: Path) -> None:
    zones = [feature("a", box(13, -1, 14, 1))]
    (tmp_path / "cells.csv").write_text(HEAD + "c,-0.5,13.5,,\nd,0.5,13.6,,\n")
    cells = cells_of(tmp_path, zones=zones)
    places = cells.arrays(evidence(cells.zone))
    assert places.x[1] - places.x[0] == pytest.approx(11119.5, abs=1)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("", "cells.empty"),
        ("c,13.05,52.05,2026-01-01,\n", "cells.outside_zones"),
        ("c,,13.05,2026-01-01,\n", "cells.invalid_degrees"),
        ("c,x,13.05,2026-01-01,\n", "cells.not_a_number"),
        (",52,13,2026-01-01,\n", "cells.missing_id"),
        ("c,52,13,monday,\n", "cells.invalid_time"),
        ("c,52,13,2027-01-01,\n", "cells.none_valid"),
        ("c,52,13\n", "cells.unreadable"),
    ],
)
def test_a_bad_cell_plan_is_refused(tmp_path: Path, rows: str, code: str) -> None:
    assert refused(tmp_path, rows).code == code


@pytest.mark.parametrize(
    ("head", "lacking"),
    [
        ("cell,latitude,longitude,valid_from,valid_to", "cell_id"),
        ("cell_id,latitude,longitude,valid_from", "valid_to"),
        ("cell_id,longitude,valid_date_start", "latitude, valid_date_end"),
        ("cell,lat", "cell_id, latitude, longitude, valid_from, valid_to"),
    ],
)
def test_a_cell_plan_that_lacks_columns_says_which(tmp_path: Path, head: str, lacking: str) -> None:
    error = refused(tmp_path, "", head=f"{head}\n")
    assert error.code == "cells.missing_column"
    assert f" {lacking}." in error.what


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_without_header_does_not_show_its_first_row(tmp_path: Path, kind: str) -> None:
    row = ["4915155500001", "2026-03-01T10:00:00Z", "jane doe\x1b[31m", "x" * 5000]
    if kind == "csv":
        (tmp_path / "cells.csv").write_text(",".join(row) + "\n" + ",".join(row) + "\n")
    else:
        pq.write_table(pa.table({name: ["x"] for name in row}), tmp_path / "cells.parquet")
    with pytest.raises(RejectedInput) as refusal:
        cells_of(tmp_path)
    assert refusal.value.code == "cells.missing_column"
    assert not [value for value in (*row, "4915", "jane", "\x1b", "xxx") if value in str(refusal.value)]


def test_a_missing_cell_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput) as refusal:
        cells_of(tmp_path)
    assert refusal.value.code == "cells.not_one_file"


def test_more_cells_than_a_key_can_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.mobility.cells.CELLS", 1)
    assert refused(tmp_path, "c,52,13.05,,\nd,52,13.05,,\n").code == "cells.too_many"


def test_the_cells_of_a_nation_take_seconds(tmp_path: Path) -> None:
    rows = "".join(f"{n},52.05,13.05,{2026 + n % 2}-01-01,\n" for n in range(60_000))
    began = time.process_time()
    cells = plan(tmp_path, rows)
    assert (len(cells.cell_id), len(cells.not_today)) == (30_000, 30_000)
    assert cells.not_today.tolist() == sorted(cells.not_today)
    assert time.process_time() - began < 10
