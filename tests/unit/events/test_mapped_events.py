"""Each key of an event mapping, from a file to its kept rows."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.events.formats import load_formats
from tasks.events.read import ReadResult
from tasks.events.reasons import Reason
from tests.reference_read import Span
from tests.unit.events.factory import landing_file, prepare, read, write

ALL_DAY = Span(0, 0, 86_400)
TEN = 36_000
"""Ten o'clock, which is 09:00 UTC."""
EPOCH = int(datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp())
AT = "2026-03-01 10:00:00"
HEAD = "[events.mine]\n"
IDS = 'subscriber = "who"\n'
TIME = 'time = "at"\n'
CELL = 'cell = "cell"\n'
PLAIN = HEAD + IDS + TIME + CELL


def look(
    folder: Path, mapping: str, file: Path, ids: Any = ("491701",), cells: Any = ("c",), places: Any = None
) -> ReadResult:
    (folder / "formats.toml").write_text(mapping)
    panel = {each: Span(n, 0, 86_400) for n, each in enumerate(ids)}
    plan = {each: [Span(n, 0, 86_400)] for n, each in enumerate(cells)}
    context = prepare(folder / "day", panel, plan, places=places)
    account, keys = read([landing_file(file)], context, folder / "out", formats=load_formats(folder / "formats.toml"))
    seconds = {int(key) >> 20 & 0x1FFFF for partition in keys for key in partition}
    assert not account.account.kept or TEN in seconds
    return account


def csv(folder: Path, text: str, name: str = "e.csv", encoding: str = "utf-8") -> Path:
    return write(folder / name, text.encode(encoding))


def parquet(folder: Path, **columns: pa.Array) -> Path:
    given = {"who": pa.array(["491701"]), "at": pa.array([AT]), "cell": pa.array(["c"])} | columns
    pq.write_table(pa.table(given), folder / "e.parquet", use_deprecated_int96_timestamps="int96" in str(folder))
    return folder / "e.parquet"


LAYOUTS = {
    "names of another case": (PLAIN, f"WHO,At,CELL\n491701,{AT},c\n"),
    "separator": (HEAD + 'separator = ";"\n' + IDS + TIME + CELL, f"who;at;cell\n491701;{AT};c\n"),
    "no header": (
        HEAD + 'header = false\nnames = ["who", "at", "x", "cell"]\n' + IDS + TIME + CELL,
        f"491701,{AT},,c\n",
    ),
    "null words": (HEAD + 'null_words = ["NULL", "\\\\N"]\n' + IDS + TIME + CELL, f"who,at,cell\n491701,{AT},c\n"),
    "detect": (HEAD + 'detect = ["who", "x"]\n' + IDS + TIME + CELL, f"who,at,x,cell\n491701,{AT},1,c\n"),
    "pattern": (
        HEAD + IDS + 'time = { column = "at", pattern = "%d.%m.%Y %H:%M" }\n' + CELL,
        "who,at,cell\n491701,01.03.2026 10:00,c\n",
    ),
    "pattern with an offset": (
        HEAD + IDS + 'time = { column = "at", pattern = "%d/%b/%Y:%H:%M:%S %z" }\n' + CELL,
        "who,at,cell\n491701,01/Mar/2026:09:00:00 +0000,c\n",
    ),
    "date and time": (
        HEAD + IDS + 'time = { column = ["d", "t"] }\n' + CELL,
        "who,d,t,cell\n491701,2026-03-01,10:00,c\n",
    ),
    "patterns of date and time": (
        HEAD + IDS + 'time = { column = ["d", "t"], pattern = ["%Y%m%d", "%H%M%S"] }\n' + CELL,
        "who,d,t,cell\n491701,20260301,100000,c\n",
    ),
    "zone": (
        HEAD + IDS + 'time = { column = "at", zone = "America/New_York" }\n' + CELL,
        "who,at,cell\n491701,2026-03-01 04:00:00,c\n",
    ),
    "cell of columns": (
        HEAD + IDS + TIME + 'cell = { column = ["lac", "ci"], separator = "_" }\n',
        f"who,at,lac,ci\n491701,{AT},7,0012\n",
    ),
    "ids": (
        '[ids]\ncase = "upper"\nprefixes = { "+" = "", "00" = "", "0" = "49" }\n' + PLAIN,
        f"who,at,cell\n0a1701,{AT},c\n",
    ),
    "hex": (HEAD + 'subscriber = { column = "who", hex = true }\n' + TIME + CELL, f"who,at,cell\n00Ab,{AT},c\n"),
}
OTHERS = {"cell of columns": {"cells": ("7_0012",)}, "ids": {"ids": ("49A1701",)}, "hex": {"ids": ("00aB",)}}


@pytest.mark.parametrize("key", LAYOUTS)
def test_a_key_of_the_mapping_gets_a_row_in(tmp_path: Path, key: Any) -> None:
    mapping, text = LAYOUTS[key]
    assert look(tmp_path, mapping, csv(tmp_path, text), **OTHERS.get(key, {})).account.kept == 1


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("kind", ["csv", "int", "float", "decimal"])
def test_a_count_since_1970_is_an_instant(tmp_path: Path, unit: str, factor: Any, kind: str) -> None:
    mapping = HEAD + IDS + f'time = {{ column = "at", unit = "{unit}" }}\n' + CELL
    count = EPOCH * factor + factor // 2
    types = {"int": pa.int64(), "float": pa.float64(), "decimal": pa.decimal128(20, 0)}
    if kind == "csv":
        file = csv(tmp_path, f"who,at,cell\n491701,{count}.7,c\n491701,{count}e,c\n491701,-{count},c\n")
        assert look(tmp_path, mapping, file).account.reasons == {Reason.BAD_TIME: 2}
    else:
        file = parquet(
            tmp_path, at=pa.array([Decimal(count) if kind == "decimal" else count]).cast(types[kind], safe=False)
        )
    assert look(tmp_path, mapping, file).account.kept == 1


def test_a_number_without_its_leading_zeros_is_the_time_that_was_meant(tmp_path: Path) -> None:
    mapping = HEAD + IDS + 'time = { column = ["d", "t"], pattern = ["%d%m%Y", "%H%M%S"] }\n' + CELL
    file = parquet(tmp_path, d=pa.array([1032026]), t=pa.array([100000]))
    assert look(tmp_path, mapping, file).account.kept == 1
    early = mapping.replace("%H%M%S", "%M%H%S")
    assert look(tmp_path, early, parquet(tmp_path, d=pa.array([1032026]), t=pa.array([1000]))).account.kept == 1


@pytest.mark.parametrize("time", ["32.03.2026 10:00", "2026-03-01 10:00", "", "10:00", "01.03.2026 10:00 x"])
def test_a_time_that_is_not_of_the_pattern_is_its_rows_fault_alone(tmp_path: Path, time: str) -> None:
    mapping = HEAD + IDS + 'time = { column = "at", pattern = "%d.%m.%Y %H:%M" }\n' + CELL
    found = look(tmp_path, mapping, csv(tmp_path, f"who,at,cell\n491701,01.03.2026 10:00,c\n491701,{time},c\n"))
    assert (found.account.kept, sum(found.account.reasons.values())) == (1, 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=5))
def test_no_text_stops_the_others(tmp_path_factory: pytest.TempPathFactory, texts: Any) -> None:
    folder = tmp_path_factory.mktemp("t")
    mapping = HEAD + IDS + 'time = { column = "at", pattern = "%d.%m.%y %I:%M %p" }\n' + CELL
    rows = ["01.03.26 10:00 AM", *texts]
    file = parquet(folder, who=pa.array(["491701"] * len(rows)), at=pa.array(rows), cell=pa.array(["c"] * len(rows)))
    assert look(folder, mapping, file).account.kept >= 1


@pytest.mark.parametrize(("meaning", "hour"), [("utc", 9), ("local", 10)])
def test_int96_means_utc_unless_the_mapping_says_local(tmp_path: Path, meaning: str, hour: int) -> None:
    folder = tmp_path / "int96"
    folder.mkdir()
    mapping = HEAD + IDS + f'time = {{ column = "at", int96 = "{meaning}" }}\n' + CELL
    file = parquet(folder, at=pa.array([datetime(2026, 3, 1, hour)], pa.timestamp("us")))
    assert pq.ParquetFile(file).schema.column(1).physical_type == "INT96"
    assert look(folder, mapping, file).account.kept == 1


def test_null_words_are_no_values(tmp_path: Path) -> None:
    mapping = HEAD + 'null_words = ["none", ""]\n' + IDS + TIME + CELL
    file = csv(tmp_path, f"who,at,cell\n491701,{AT},none\n491701, none ,c\nnone,{AT},c\n")
    assert look(tmp_path, mapping, file).account.reasons == {
        Reason.MISSING_CELL: 1,
        Reason.MISSING_TIME: 1,
        Reason.MISSING_SUBSCRIBER: 1,
    }


@pytest.mark.parametrize("name", ["calls.dat", "calls.TXT", "calls.dat.gz"])
def test_suffixes_of_the_mapping_are_csv_and_files_limits_it_to_names(tmp_path: Path, name: str) -> None:
    mapping = HEAD + 'suffixes = [".dat", ".txt"]\nfiles = ["calls*"]\n' + IDS + TIME + CELL
    assert look(tmp_path, mapping, csv(tmp_path, f"who,at,cell\n491701,{AT},c\n", name)).account.kept == 1
    other = mapping.replace("calls*", "sms*")
    with pytest.raises(Exception, match="can be read"):
        look(tmp_path, other, csv(tmp_path, f"who,at,cell\n491701,{AT},c\n", name))


IDS_OF_TYPES = {
    "decimal": (pa.array([Decimal("12345678901234567890")], pa.decimal128(20, 0)), "12345678901234567890"),
    "decimal with a fraction": (pa.array([Decimal("491701.00")], pa.decimal128(20, 2)), "491701"),
    "integer": (pa.array([491701], pa.uint64()), "491701"),
    "whole float": (pa.array([491701.0]), "491701"),
    "uuid": (pa.array([UUID(int=5).bytes], pa.uuid()), str(UUID(int=5))),
    "binary": (pa.array([b"\xab\x01"]), "ab01"),
    "dictionary": (pa.array(["491701"]).dictionary_encode(), "491701"),
    "leading zeros": (pa.array(["00491701"]), "00491701"),
}


@pytest.mark.parametrize("kind", IDS_OF_TYPES)
def test_ids_of_every_type_join_without_losing_a_digit(tmp_path: Path, kind: Any) -> None:
    column, text = IDS_OF_TYPES[kind]
    assert look(tmp_path, PLAIN, parquet(tmp_path, who=column), ids=(text,)).account.kept == 1


def test_binary_ids_are_text_where_the_mapping_says_so(tmp_path: Path) -> None:
    file = parquet(tmp_path, who=pa.array([b"491701"]), cell=pa.array([b"c"]), at=pa.array([AT.encode()]))
    assert look(tmp_path, '[ids]\nbinary = "text"\n' + PLAIN, file).account.kept == 1


@pytest.mark.parametrize("before", ["", " ", "\t", "\u00a0", "\u2007 \u00ad"])
@pytest.mark.parametrize("after", ["", "   ", "\u00a0\t"])
def test_blanks_around_ids_and_cells_never_count(tmp_path: Path, before: str, after: str) -> None:
    who, cells = (pa.array([f"{before}{each}{after}"]) for each in ("491701", "c"))
    assert look(tmp_path, PLAIN, parquet(tmp_path, who=who, cell=cells), ids=("491701", "12")).account.kept == 1


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", " " * 80])
def test_an_id_or_a_cell_of_blanks_is_a_missing_one(tmp_path: Path, blank: Any) -> None:
    file = parquet(tmp_path, who=pa.array([blank, "491701"]), at=pa.array([AT] * 2), cell=pa.array(["c", blank]))
    reasons = look(tmp_path, PLAIN, file).account.reasons
    assert reasons == {Reason.MISSING_SUBSCRIBER: 1, Reason.MISSING_CELL: 1}


def test_two_members_whom_the_rule_makes_one_are_nobody(tmp_path: Path) -> None:
    mapping = HEAD + 'subscriber = { column = "who", hex = true }\n' + TIME + CELL
    found = look(tmp_path, mapping, csv(tmp_path, f"who,at,cell\nAB,{AT},c\n"), ids=("ab", "Ab"))
    assert found.account.reasons == {Reason.NO_CONSENT: 1}


@pytest.mark.parametrize("name", ["who", "at", "cell"])
def test_a_column_of_type_null_is_a_missing_value_in_every_row(tmp_path: Path, name: str) -> None:
    missing = {"who": Reason.MISSING_SUBSCRIBER, "at": Reason.MISSING_TIME, "cell": Reason.MISSING_CELL}
    assert look(tmp_path, PLAIN, parquet(tmp_path, **{name: pa.nulls(1)})).account.reasons == {missing[name]: 1}


PLACED = HEAD + IDS + TIME + 'cell = { column = "cell", latitude = "lat", longitude = "lon", within_m = 700 }\n'
PLACES = {"a": (52.0, 13.0), "b": (52.01, 13.0), "far": (52.0, 13.5)}


@pytest.mark.parametrize(
    ("cell", "latitude", "longitude", "outcome"),
    [
        ("", "52.004", "13.0", 0),
        ("", "52.0055", "13.0", 1),
        ("far", "52.0", "13.0", 2),
        ("", "52.0", "13.01", 0),
        ("", "52.0", "13.02", Reason.UNKNOWN_CELL),
        ("", "", "", Reason.MISSING_CELL),
        ("", "nan", "13", Reason.UNKNOWN_CELL),
        ("", "52.0", "1e300", Reason.UNKNOWN_CELL),
        ("elsewhere", "52.0", "13.0", Reason.UNKNOWN_CELL),
    ],
)
def test_an_event_without_a_cell_is_where_the_nearest_cell_is(
    tmp_path: Path, cell: str, latitude: str, longitude: str, outcome: Any
) -> None:
    file = csv(tmp_path, f"who,at,cell,lat,lon\n491701,{AT},{cell},{latitude},{longitude}\n")
    (tmp_path / "formats.toml").write_text(PLACED)
    plan = {name: [Span(n, 0, 86_400)] for n, name in enumerate(PLACES)}
    context = prepare(tmp_path / "day", {"491701": ALL_DAY}, plan, places=PLACES)
    formats = load_formats(tmp_path / "formats.toml")
    found, keys = read([landing_file(file)], context, tmp_path / "out", partitions=1, formats=formats)
    assert next(iter(found.account.reasons), int(keys[0][0]) & 0xFFFFF) == outcome


def test_coordinates_beyond_a_pole_are_measured_all_the_same(tmp_path: Path) -> None:
    file = csv(tmp_path, f"who,at,cell,lat,lon\n491701,{AT},,90.005,180\n")
    (tmp_path / "formats.toml").write_text(PLACED.replace("700", "50000"))
    context = prepare(tmp_path / "day", {"491701": ALL_DAY}, {"a": [Span(0, 0, 86_400)]}, places={"a": (89.995, 0.0)})
    formats = load_formats(tmp_path / "formats.toml")
    assert read([landing_file(file)], context, tmp_path / "out", partitions=1, formats=formats)[0].account.kept == 1


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a, b), (c, d) = (map(math.radians, each) for each in (one, other))
    half = math.sin((a - c) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((b - d) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


points = st.tuples(st.floats(51.9, 52.1), st.floats(12.8, 13.2))


@settings(max_examples=15, deadline=None)
@given(st.lists(points, min_size=1, max_size=12), st.lists(points, min_size=1, max_size=12))
def test_the_nearest_cell_is_the_one_that_measuring_all_finds(
    tmp_path_factory: pytest.TempPathFactory, cells: Any, events: Any
) -> None:
    folder = tmp_path_factory.mktemp("n")
    rows = "".join(f"491701,2026-03-01 10:00:{n:02d},,{lat},{lon}\n" for n, (lat, lon) in enumerate(events))
    (folder / "formats.toml").write_text(PLACED.replace("700", "4000"))
    plan = {f"c{n:02d}": [Span(n, 0, 86_400)] for n in range(len(cells))}
    places = {f"c{n:02d}": place for n, place in enumerate(cells)}
    context = prepare(folder / "day", {"491701": ALL_DAY}, plan, places=places)
    file = csv(folder, "who,at,cell,lat,lon\n" + rows)
    formats = load_formats(folder / "formats.toml")
    _, keys = read([landing_file(file)], context, folder / "out", partitions=1, formats=formats)
    found = {int(key) >> 20 & 0x1FFFF: int(key) & 0xFFFFF for key in keys[0] if int(key) >> 20 & 0x1FFFF < 86_400}
    for n, event in enumerate(events):
        nearest = min(metres(event, cell) for cell in cells)
        if abs(nearest - 4000) > 1:
            assert (TEN + n in found) == (nearest < 4000)
            assert TEN + n not in found or metres(event, cells[found[TEN + n]]) == pytest.approx(nearest, abs=0.01)


NETWORKS = {
    ("20801", "", ""): Reason.ABROAD,
    ("", "208", "01"): Reason.ABROAD,
    ("26201", "", ""): Reason.UNKNOWN_CELL,
    ("", "262", "01"): Reason.UNKNOWN_CELL,
    ("1", "", ""): Reason.UNKNOWN_CELL,
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("cell", ["elsewhere", ""])
def test_a_row_of_a_foreign_network_without_a_cell_of_ours_is_abroad(tmp_path: Path, network: Any, cell: str) -> None:
    file = csv(tmp_path, f"user_id,timestamp,plmn,mcc,mnc,cell_id\n491701,{AT},{','.join(network)},{cell}\n")
    other = NETWORKS[network] if cell or NETWORKS[network] is Reason.ABROAD else Reason.MISSING_CELL
    assert look(tmp_path, "", file).account.reasons == {other: 1}


def test_a_row_of_a_foreign_network_in_a_cell_of_ours_is_there(tmp_path: Path) -> None:
    file = csv(tmp_path, f"user_id,timestamp,plmn,mcc,mnc,cell_id\n491701,{AT},20801,,,c\n")
    assert look(tmp_path, "", file).account.kept == 1


FLOWKIT = {
    "calls": "start_time,msisdn_counterpart,id,msisdn,location_id,outgoing,duration,tac",
    "mds": "id,msisdn,tac,datetime,duration,location_id,volume_total",
    "sms": "timestamp,msisdn,location_id",
    "etl": "msisdn,event_time,cell_id",
}


@pytest.mark.parametrize("name", FLOWKIT)
def test_flowkits_layouts_are_read_as_they_are(tmp_path: Path, name: Any) -> None:
    known = {"msisdn": "491701", "location_id": "c", "cell_id": "c"}
    known |= dict.fromkeys(("start_time", "datetime", "timestamp", "event_time"), AT)
    row = ",".join(known.get(column, "1") for column in FLOWKIT[name].split(","))
    assert look(tmp_path, "", csv(tmp_path, f"{FLOWKIT[name]}\n{row}\n")).account.kept == 1


def test_two_own_formats_that_fit_are_refused_by_name(tmp_path: Path) -> None:
    mapping = PLAIN + PLAIN.replace("mine", "other")
    with pytest.raises(Exception, match="mine and other"):
        look(tmp_path, mapping, csv(tmp_path, f"who,at,cell\n491701,{AT},c\n"))


def test_an_own_format_goes_before_a_shipped_one_that_fits_too(tmp_path: Path) -> None:
    mapping = HEAD + 'subscriber = "msisdn"\ntime = "datetime"\ncell = "cell"\n'
    file = csv(tmp_path, f"msisdn,datetime,location_id,cell\n491701,{AT},elsewhere,c\n")
    assert look(tmp_path, mapping, file).account.kept == 1


@pytest.mark.parametrize(("latitude", "reason"), [("52,0", None), ("52.0", Reason.MISSING_CELL)])
def test_coordinates_of_events_may_have_decimal_commas(tmp_path: Path, latitude: str, reason: Any) -> None:
    mapping = PLACED.replace(IDS, f'{IDS}separator = ";"\ndecimal = ","\n')
    file = csv(tmp_path, f"who;at;cell;lat;lon\n491701;{AT};;{latitude};13\n")
    found = look(tmp_path, mapping, file, cells=["a"], places={"a": (52.0, 13.0)})
    assert next(iter(found.account.reasons), None) == reason
