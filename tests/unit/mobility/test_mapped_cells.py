"""Each key of a cell mapping, from files to cells that stand."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import RejectedInput
from tasks.events.formats import load_formats
from tasks.mobility.cell_versions import Topology
from tasks.mobility.topology import read_topology
from tests.refusals import refused

BERLIN = ZoneInfo("Europe/Berlin")
PLACED = '[cells.own]\nid = "site"\nlatitude = "lat"\nlongitude = "lon"\n'
OPENCELLID = """
    [cells.opencellid]
    id = { column = ["mcc", "net", "area", "cell"], separator = "-" }
    latitude = "lat"
    longitude = "lon"
"""


def read(root: Path, mapping: str, text: str | None = None, name: str = "cells.csv") -> Topology:
    (root / "formats.toml").write_text(mapping)
    if text is not None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return read_topology(root, BERLIN, load_formats(root / "formats.toml"))


def own(more: str) -> str:
    return f'{PLACED}valid_from = "since"\nvalid_to = "till"\n{more}\n'


def at(*when: int) -> float:
    return datetime(*when, tzinfo=BERLIN).timestamp()  # type: ignore[arg-type, misc]


def test_opencellid_stands_always_and_joins_its_key(tmp_path: Path) -> None:
    head = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"
    cells = read(tmp_path, OPENCELLID, f"{head}\nLTE,262,01,7,0012,,13.4,52.5,1000,1,1,0,0,0\n")
    assert (cells.cell_id.tolist(), cells.latitude.tolist()) == (["262-01-7-0012"], [52.5])
    assert (cells.valid_from[0], cells.valid_to[0]) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("more", "since", "from_"),
    [
        ('time = { pattern = "%d.%m.%Y" }', "03.02.2026", at(2026, 2, 3)),
        ('time = { pattern = "%d.%m.%Y %H:%M", zone = "UTC" }', "03.02.2026 00:00", at(2026, 2, 3, 1)),
        ('time = { unit = "ms" }', "1770073200000", at(2026, 2, 3)),
        ('time = { zone = "UTC" }', "2026-02-03T00:00", at(2026, 2, 3, 1)),
        ('null_words = ["01.01.1900"]', "01.01.1900", -np.inf),
    ],
)
def test_times_are_written_as_the_mapping_says(tmp_path: Path, more: str, since: str, from_: Any) -> None:
    assert read(tmp_path, own(more), f"site,lat,lon,since,till\nc,52,13,{since},\n").valid_from[0] == from_


@pytest.mark.parametrize(
    ("till", "end"),
    [
        ("2026-03-28", at(2026, 3, 29)),
        ("2026-03-28 10:00", at(2026, 3, 28, 10) + 1),
        ("", np.inf),
        ("9999-12-31", np.inf),
    ],
)
def test_an_inclusive_end_still_belongs_to_the_validity(tmp_path: Path, till: str, end: Any) -> None:
    assert (
        read(tmp_path, own('end = "inclusive"'), f"site,lat,lon,since,till\nc,52,13,2026-01-01,{till}\n").valid_to[0]
        == end
    )


def test_daily_snapshots_are_days_of_a_folder_of_parts(tmp_path: Path) -> None:
    snapshots = f'{PLACED}valid_from = "day"\nvalid_to = "day"\nend = "inclusive"\n'
    for day, longitude in ((1, 13), (2, 13), (3, 14)):
        read_as = f"site,lat,lon,day\nc,52,{longitude},2026-03-{day:02d}\n"
        (tmp_path / "cells" / f"date=2026-03-{day:02d}").mkdir(parents=True)
        (tmp_path / "cells" / f"date=2026-03-{day:02d}" / "part.csv").write_text(read_as)
    (tmp_path / "cells" / "_SUCCESS").touch()
    cells = read(tmp_path, snapshots)
    assert cells.valid_from.tolist() == [at(2026, 3, 1), at(2026, 3, 2), at(2026, 3, 3)]
    assert (cells.valid_to[-1], cells.longitude.tolist()) == (at(2026, 3, 4), [13, 13, 14])


@pytest.mark.parametrize(("meaning", "from_"), [("utc", at(2026, 2, 3, 1)), ("local", at(2026, 2, 3))])
def test_int96_means_utc_unless_the_mapping_says_local(tmp_path: Path, meaning: str, from_: Any) -> None:
    columns = {
        "site": pa.array(["c"]),
        "lat": pa.array([52.0]),
        "lon": pa.array([13.0]),
        "till": pa.nulls(1, pa.timestamp("us")),
    }
    columns["since"] = pa.array([datetime(2026, 2, 3)], pa.timestamp("us"))
    pq.write_table(pa.table(columns), tmp_path / "cells.parquet", use_deprecated_int96_timestamps=True)
    assert read(tmp_path, own(f'time = {{ int96 = "{meaning}" }}')).valid_from[0] == from_


def test_timestamps_get_the_zone_and_the_inclusive_second_of_the_mapping(tmp_path: Path) -> None:
    columns = {"site": pa.array(["c"]), "lat": pa.array([52.0]), "lon": pa.array([13.0])}
    columns |= {name: pa.array([datetime(2026, 2, 3)], pa.timestamp("s")) for name in ("since", "till")}
    pq.write_table(pa.table(columns), tmp_path / "cells.parquet")
    cells = read(tmp_path, own('end = "inclusive"\ntime = { zone = "UTC" }'))
    midnight = datetime(2026, 2, 3, tzinfo=UTC).timestamp()
    assert (cells.valid_from[0], cells.valid_to[0]) == (midnight, midnight + 1)


def test_separator_header_and_names_are_the_mappings(tmp_path: Path) -> None:
    more = 'separator = ";"\nheader = false\nnames = ["x", "site", "lat", "lon", "since", "till"]'
    assert read(tmp_path, own(more), "1; c\u00a0;52;13;2026-01-01;\n").cell_id.tolist() == ["c"]


def test_names_of_another_case_are_the_same_names(tmp_path: Path) -> None:
    assert read(tmp_path, own(""), "SITE,Lat,lon,Since,till\nc,52,13,2026-01-01,\n").cell_id.tolist() == ["c"]


def test_a_time_that_is_not_of_the_form_is_refused(tmp_path: Path) -> None:
    with refused("cells.invalid_time"):
        read(tmp_path, own('time = { pattern = "%d.%m.%Y" }'), "site,lat,lon,since,till\nc,52,13,soon,\n")


@pytest.mark.parametrize("name", ["_delta_log/0.json", "_SUCCESS"])
def test_a_folder_that_is_a_table_or_holds_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RejectedInput):
        read(tmp_path, "", "x", f"cells/{name}")


def test_a_file_that_no_format_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput):
        read(tmp_path, "", "x", "cells/part.xlsx")
    (tmp_path / "cells" / "part.xlsx").rename(tmp_path / "cells" / "part.csv")
    with pytest.raises(RejectedInput) as refused:
        read(tmp_path, '[cells.native]\nid = "x"\nfiles = ["y*"]\n[cells.eurostat]\nid = "x"\nfiles = ["y*"]\n')
    assert refused.value.code == "cells.missing_column"


def test_coordinates_with_decimal_commas_are_read_where_the_mapping_says_so(tmp_path: Path) -> None:
    comma = f'{PLACED}separator = ";"\ndecimal = ","\n'
    cells = read(tmp_path, comma, "site;lat;lon\nc1;52,5;-13,25\n")
    assert (cells.latitude.tolist(), cells.longitude.tolist()) == ([52.5], [-13.25])


@pytest.mark.parametrize(("decimal", "value", "named"), [(".", "52,5", ","), (",", "52.5", ".")])
def test_another_sign_before_the_fraction_is_named(tmp_path: Path, decimal: str, value: str, named: str) -> None:
    with pytest.raises(RejectedInput) as refused:
        read(tmp_path, f'{PLACED}separator = ";"\ndecimal = "{decimal}"\n', f"site;lat;lon\nc1;{value};13\n")
    assert f'decimal = "{named}"' in refused.value.action


def test_words_for_degrees_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedInput):
        read(tmp_path, PLACED, "site,lat,lon\nc1,north,13\n")
