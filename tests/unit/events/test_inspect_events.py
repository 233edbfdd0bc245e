"""Inspection proposes a mapping that reads what it proposes to read, and shows no value."""

import random
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.events.formats import Mapping, load_formats, parse, shipped
from tasks.events.formats.detect import UnreadableFile
from tasks.events.formats.sections import Ids
from tasks.events.inspect_events import inspect_events
from tasks.events.inspection import Inspection
from tasks.events.mapping_proposal import together, written
from tasks.events.sample import LandingContext
from tests.unit.events.factory import write, write_parquet

ZONE = ZoneInfo("Europe/Berlin")
CHANCE = random.Random(1)
IDS = [f"49151{CHANCE.randrange(10**7):07d}" for _ in range(9)]
Made = Callable[[int], Sequence[str]]


def _hour(n: int) -> str:
    return f"{n % 24:02d}:{n % 60:02d}"


LAYOUTS: dict[str, tuple[str, str, Made]] = {
    "German, date and time apart": (
        "e.csv",
        "Rufnummer;Datum;Uhrzeit;Zelle",
        lambda n: (IDS[n % 9], "03.06.2026", _hour(n), f"c{n % 7}"),
    ),
    "no header, seconds since 1970": (
        "cdr.txt",
        "",
        lambda n: (IDS[n % 9], str(1780000000 + n), f"c{n % 7}", "voice"),
    ),
    "cell by its parts": (
        "e.csv.gz",
        "user,ts,mcc,net,area,cell",
        lambda n: (IDS[n % 9], f"2026-06-03T{_hour(n)}:00Z", "262", "1", "7", str(n % 7)),
    ),
    "American, a day above twelve": (
        "e.csv",
        "caller_id,date_time,tower_id",
        lambda n: (IDS[n % 9], f"06/{n % 28 + 1:02d}/2026 {n % 12 + 1:02d}:10:00 PM", f"c{n % 7}"),
    ),
    "twice the same name": (
        "e.csv",
        "x,x,x",
        lambda n: (IDS[n % 9], f"2026-06-03 {_hour(n)}:00", f"c{n % 7}"),
    ),
}


def _csv(path: Path, header: str, row: Made, separator: str | None = None) -> Path:
    sign = separator or next((sign for sign in ";|," if sign in header), "|")
    lines = [header] * bool(header) + [sign.join(row(n)) for n in range(60)]
    return write(path, "".join(f"{line}\n" for line in lines).encode())


def _inspect(path: Path, cells: Sequence[str] | None = None) -> Inspection:
    return inspect_events(path, shipped(), ZONE, LandingContext(cells))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_proposed_mapping_reads_every_row(tmp_path: Path, layout: str) -> None:
    name, header, row = LAYOUTS[layout]
    path = _csv(tmp_path / name, header, row)
    found = _inspect(path)
    assert found.format is None
    unread = {reading.rows - reading.read for reading in found.readings}
    assert unread in ({0}, {0, 1}), "a first line that names nothing is no row"
    (tmp_path / "formats.toml").write_text(found.proposal)
    again = inspect_events(path, load_formats(tmp_path / "formats.toml"), ZONE, LandingContext())
    assert (again.format, again.proposal, again.why_not) == ("own", "", "")
    assert not [one for one in IDS if one in str(found)]


def test_the_parts_of_a_cell_are_joined(tmp_path: Path) -> None:
    name, header, row = LAYOUTS["cell by its parts"]
    found = _inspect(_csv(tmp_path / name, header, row), [f"7-{n}" for n in range(7)])
    assert found.readings[2].read == 60, "country and network are the same in all rows"
    many: Made = lambda n: (*row(n)[:2], "26" + str(n % 2), *row(n)[3:])  # noqa: E731
    path = _csv(tmp_path / name, header, many)
    cell = parse(_inspect(path).proposal.encode(), "it").events["own"].cell
    assert cell.column == ("mcc", "area", "cell")
    plan = inspect_events(path, shipped(), ZONE, LandingContext(key=("area", "cell")))
    assert parse(plan.proposal.encode(), "it").events["own"].cell.column == ("area", "cell"), "as in the cell plan"


def test_proposals_of_several_files_are_one_mapping() -> None:
    other = LAYOUTS["American, a day above twelve"][1]
    texts = ["[events.own]\nsubscriber = 'a'\ntime = 't'\ncell = 'c'\n", "", "[landing]\nignore = ['x']\n"]
    both = parse(together([*texts, texts[0], texts[0].replace("'a'", "'b'")]).encode(), other)
    assert {name: each.subscriber.column for name, each in both.events.items()} == {"own": "a", "own-2": "b"}


def test_one_rule_of_ids_holds_for_all_files() -> None:
    rules = [written(Mapping.model_validate({"ids": Ids(prefixes={sign: ""}, case="lower")})) for sign in ("+", "00")]
    assert parse(together(rules).encode(), "it").ids == Ids(prefixes={"+": ""}, case="lower")


def test_what_ids_begin_with_is_noted(tmp_path: Path) -> None:
    row: Made = lambda n: (f"+{IDS[n % 9]}", f"2026-06-03 {_hour(n)}:00", f"c{n % 7}")  # noqa: E731
    *_, note = _inspect(_csv(tmp_path / "e.csv", "msisdn,zeitpunkt,zelle", row)).notes
    assert '"+" = ""' in note


def test_a_file_of_a_known_format_needs_no_mapping(tmp_path: Path) -> None:
    header = "subscriber_id,event_at,cell_id,event_type"
    path = _csv(tmp_path / "e.csv", header, lambda n: (IDS[n % 9], f"2026-06-03T{_hour(n)}:00Z", "c1", "call"))
    found = _inspect(path, ["c1"])
    assert (found.format, found.proposal, found.readings[2].read) == ("native", "", 60)


def test_a_known_format_whose_times_are_written_otherwise_gets_a_mapping(tmp_path: Path) -> None:
    header = "subscriber_id,event_at,cell_id,event_type"
    path = _csv(tmp_path / "e.csv", header, lambda n: (IDS[n % 9], f"03.06.2026 {_hour(n)}", "c1", "call"))
    found = _inspect(path)
    assert "%d.%m.%Y %H:%M" in parse(found.proposal.encode(), "it").events["own"].time.pattern
    assert found.readings[1].read == 60


def test_coordinates_stand_for_a_cell(tmp_path: Path) -> None:
    row: Made = lambda n: (IDS[n % 9], f"{50 + n / 1000:.6f}", f"{8 + n / 1000:.6f}", str(1780000000000 + n))  # noqa: E731
    found = _inspect(_csv(tmp_path / "a.csv", "uid,lat,lng,time", row), ["c1"])
    assert found.readings[2].read == 60
    named = parse(found.proposal.encode(), "it").events["own"]
    assert (named.cell.latitude, named.cell.longitude, named.time.unit) == ("lat", "lng", "ms")
    bare = parse(_inspect(_csv(tmp_path / "b.csv", "", row)).proposal.encode(), "it").events["own"]
    assert (bare.subscriber.column, bare.cell.latitude, bare.cell.longitude) == ("column_1", "column_2", "column_3")


def test_parquet_is_inspected_by_its_types(tmp_path: Path) -> None:
    columns = {
        "MSISDN": pa.array([int(one) for one in IDS]),
        "begin": pa.array([1780000000 + n for n in range(9)]),
        "zelle": pa.array([f"c{n}" for n in range(9)]),
    }
    found = _inspect(write_parquet(tmp_path / "e.parquet", columns))
    assert parse(found.proposal.encode(), "it").events["own"].time.unit == "s"
    assert [look.type for look in found.columns] == ["bigint", "bigint", "varchar"]
    stamps = columns | {"begin": pa.array(list(range(9)), pa.timestamp("us", "UTC"))}
    assert "begin" in _inspect(write_parquet(tmp_path / "f.parquet", stamps)).proposal


def test_a_column_named_by_a_value_is_neither_shown_nor_proposed(tmp_path: Path) -> None:
    table = pa.table([pa.array(IDS), pa.array([f"2026-06-03 0{n}:00:00" for n in range(9)])], names=[IDS[0], "time"])
    pq.write_table(table, tmp_path / "e.parquet")
    found = _inspect(tmp_path / "e.parquet")
    assert found.columns[0].shown == "column 1"
    assert (found.proposal, len(found.notes)) == ("", 1)
    assert IDS[0] not in found.why_not + str(found.notes)


def test_without_any_time_nothing_is_proposed(tmp_path: Path) -> None:
    found = _inspect(_csv(tmp_path / "e.csv", "msisdn,cell,what", lambda n: (IDS[n % 9], f"c{n % 7}", "call")))
    assert (found.proposal, len(found.notes)) == ("", 1)
    only = _csv(tmp_path / "f.csv", "cell,flag", lambda n: ("c1", "x"))
    assert _inspect(only).proposal == ""
    assert _inspect(_csv(tmp_path / "g.csv", "msisdn,cell", lambda n: (IDS[n % 9], f"c{n % 7}"))).proposal == ""


def test_numbers_that_are_dates_and_times_of_day_are_read_together(tmp_path: Path) -> None:
    columns = {
        "msisdn": pa.array(IDS),
        "day": pa.array([20260603] * 9),
        "clock": pa.array([int(f"1{n}0000") for n in range(9)]),
        "cell": pa.array([f"c{n}" for n in range(9)]),
    }
    own = parse(_inspect(write_parquet(tmp_path / "e.parquet", columns)).proposal.encode(), "it").events["own"]
    assert (own.time.column, own.time.pattern) == (("day", "clock"), ("%Y%m%d", "%H%M%S"))


@pytest.mark.parametrize("name", ["events", "e.123"])
def test_a_file_without_a_telling_ending_is_unfit(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFile):
        _inspect(write(tmp_path / name, b"a,b\n"))


PEOPLE = pa.array(IDS)
CELLS = [f"26203400{n:07d}" for n in range(300)]
ALIKE: Made = lambda n: (IDS[n % 9], f"2026-06-03 {n % 24:02d}:00:00", CELLS[n % 300])  # noqa: E731


def _many(path: Path, header: str, row: Made) -> Path:
    lines = [header] * bool(header) + [";".join(row(n)) for n in range(1200)]
    return write(path, "".join(f"{line}\n" for line in lines).encode())


def test_columns_are_told_by_the_registers_beside_the_file(tmp_path: Path) -> None:
    path = _many(tmp_path / "e.csv", "", ALIKE)
    found = inspect_events(path, shipped(), ZONE, LandingContext(CELLS, people=PEOPLE))
    own = parse(found.proposal.encode(), "it").events["own"]
    assert (own.subscriber.column, own.cell.column) == ("column_1", ("column_3",))
    assert {reading.read for reading in found.readings} == {1200}


def test_a_name_yields_to_a_column_that_matches(tmp_path: Path) -> None:
    header = "deviceid;at;who;siteid;bts"
    row: Made = lambda n: (f"x{n}", *ALIKE(n)[1::-1], "7", CELLS[n % 300])  # noqa: E731
    found = inspect_events(
        _many(tmp_path / "e.csv", header, row), shipped(), ZONE, LandingContext(CELLS, people=PEOPLE)
    )
    own = parse(found.proposal.encode(), "it").events["own"]
    assert (own.subscriber.column, own.cell.column) == ("who", ("bts",))


def test_a_mapping_that_fits_and_matches_nothing_gets_another_proposal(tmp_path: Path) -> None:
    path, mapping = _many(tmp_path / "e.csv", "", ALIKE), tmp_path / "formats.toml"
    mapping.write_text(
        '[events.mine]\nseparator = ";"\nheader = false\nnames = ["a", "b", "c"]\n'
        'subscriber = "c"\ntime = "b"\ncell = "a"\n'
    )
    context = LandingContext(CELLS, people=PEOPLE)
    found = inspect_events(path, load_formats(mapping), ZONE, context)
    assert parse(found.proposal.encode(), "it").events["own"].subscriber.column == "column_1"
    mapping.write_text(found.proposal)
    again = inspect_events(path, load_formats(mapping), ZONE, context)
    assert (again.format, again.proposal) == ("own", "")
    nobody = inspect_events(path, load_formats(mapping), ZONE, LandingContext(["c"], people=pa.array(["1"])))
    assert nobody.format == "own", "no other mapping would match more"


def test_files_of_one_layout_share_a_mapping_if_it_reads_them(tmp_path: Path) -> None:
    context = LandingContext(CELLS, people=PEOPLE)
    first = inspect_events(_many(tmp_path / "a.csv", "", ALIKE), shipped(), ZONE, context).proposal
    blind = inspect_events(_many(tmp_path / "b.csv", "", ALIKE), shipped(), ZONE, LandingContext(), [first])
    assert blind.proposal == first
    for n, row in enumerate((lambda n: (*ALIKE(n), "x"), lambda n: (ALIKE(n)[1], *ALIKE(n)))):
        other = inspect_events(_many(tmp_path / f"o{n}.csv", "", row), shipped(), ZONE, context, [first])
        assert other.proposal not in ("", first)
    swapped: Made = lambda n: (ALIKE(n)[0], CELLS[n % 300], ALIKE(n)[1])  # noqa: E731
    other = inspect_events(_many(tmp_path / "s.csv", "", swapped), shipped(), ZONE, context, [first])
    assert parse(other.proposal.encode(), "it").events["own"].time.column == ("column_3",)


@pytest.mark.parametrize("sign", ["+", "00"])
def test_what_ids_begin_with_in_one_place_only_goes_into_the_proposal(tmp_path: Path, sign: str) -> None:
    row: Made = lambda n: (f"{sign}{ALIKE(n)[0]}", *ALIKE(n)[1:])  # noqa: E731
    path = _many(tmp_path / "e.csv", "msisdn;zeitpunkt;zelle", row)
    found = inspect_events(path, shipped(), ZONE, LandingContext(CELLS, people=PEOPLE))
    assert found.ids
    assert found.ids.prefixes == {sign: ""}
    assert {reading.read for reading in found.readings} == {1200}


def _bronze(path: Path, hours: Sequence[int]) -> Path:
    """Bronze events of the ESS: one in each of these hours of 2026-06-03, with binary ids."""
    times = [f"2026-06-{3 + hour // 24:02d} {hour % 24:02d}:00:00" for hour in hours]
    ids = [bytes.fromhex(f"00{n % 9:02x}ab") for n in range(len(hours))]
    columns = {"user_id": pa.array(ids, pa.binary()), "timestamp": times, "mcc": [262] * len(ids)}
    columns |= {"mnc": ["01"] * len(ids), "plmn": [26201] * len(ids)}
    columns |= {"cell_id": [CELLS[n % 300] for n in range(len(ids))], "latitude": [50.0] * len(ids)}
    return write_parquet(path, columns | {"longitude": [8.0] * len(ids)})


def test_a_known_format_keeps_its_name_where_only_a_rule_of_ids_is_missing(tmp_path: Path) -> None:
    path = _bronze(tmp_path / "e.parquet", [n % 24 for n in range(240)])
    people = pa.array([f"00{n:02X}AB" for n in range(9)])
    found = inspect_events(path, shipped(), ZONE, LandingContext(CELLS, people=people))
    assert (found.format, found.proposal, found.ids) == ("eurostat", "", Ids(case="lower"))
    assert not found.needs_no_mapping
    assert found.readings[1].read == 240


def test_a_known_format_in_utc_keeps_its_network_and_coordinates(tmp_path: Path) -> None:
    path = _bronze(tmp_path / "e.parquet", [n % 24 - 2 for n in range(1200)])
    found = inspect_events(path, shipped(), ZONE, LandingContext(label=date(2026, 6, 3)))
    own, eurostat = parse(found.proposal.encode(), "it").events["own"], shipped().events["eurostat"]
    assert own == eurostat.model_copy(update={"time": eurostat.time.model_copy(update={"zone": "UTC"})})


def test_ids_that_are_hashes_get_no_rule_of_prefixes(tmp_path: Path) -> None:
    hashes = [f"00{n:02d}{CHANCE.randrange(16**28):028x}" for n in range(20)]
    row: Made = lambda n: (hashes[n % 20], f"2026-06-03 {_hour(n)}:00", f"c{n % 7}")  # noqa: E731
    assert not [
        note for note in _inspect(_csv(tmp_path / "e.csv", "msisdn,zeitpunkt,zelle", row)).notes if "[ids]" in note
    ]
    numbered: Made = lambda n: (f"000{IDS[n % 9]}", *row(n)[1:])  # noqa: E731
    notes = _inspect(_csv(tmp_path / "n.csv", "msisdn,zeitpunkt,zelle", numbered)).notes
    assert not [note for note in notes if "[ids]" in note], "no country begins with 0"


def test_times_an_hour_off_the_folders_day_are_proposed_as_utc(tmp_path: Path) -> None:
    def row(n: int) -> Sequence[str]:
        hour = n % 24 - 2
        return IDS[n % 9], f"2026-06-0{3 if hour >= 0 else 2} {hour % 24:02d}:00:00", CELLS[n % 300]

    path = _many(tmp_path / "e.csv", "msisdn;zeitpunkt;zelle", row)
    zones = {
        label: parse(inspect_events(path, shipped(), ZONE, LandingContext(label=label)).proposal.encode(), "it")
        .events["own"]
        .time.zone
        for label in (date(2026, 6, 3), None)
    }
    assert zones == {date(2026, 6, 3): "UTC", None: "Europe/Berlin"}
    native = write(path.with_name("n.csv"), path.read_bytes().replace(b";", b","))
    text = native.read_text().replace("msisdn,zeitpunkt,zelle", "subscriber_id,event_at,cell_id").replace("\n", ",x\n")
    native.write_text(text.replace(",x", ",event_type", 1))
    proposed = inspect_events(native, shipped(), ZONE, LandingContext(label=date(2026, 6, 3))).proposal
    assert parse(proposed.encode(), "it").events["own"].time.zone == "UTC", "a shipped format has no zone"
