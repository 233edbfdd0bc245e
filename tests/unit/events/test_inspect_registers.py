"""Registers and the cell plan are inspected column by column; a mapping is proposed for other names and words."""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from tasks.errors import RejectedInput
from tasks.events.formats import load_formats, parse
from tasks.events.formats.sections import RegisterFormat
from tasks.events.inspect_registers import inspect_register
from tasks.events.inspection import Inspection
from tasks.mobility.cell_attributes import RADIO
from tasks.mobility.topology import read_topology
from tests.unit.events.factory import csv_bytes, write, write_parquet

SUBSCRIBERS = ("subscriber_id", "birth_year", "gender", "segment", "home_mcc", "active_from")
CONSENTS = ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version")
CELLS = ("cell_id", "latitude", "longitude", "valid_from", "valid_to")

TOPOLOGY = {
    **{"cell_id": "26202100000011", "latitude": "51.150996", "longitude": "9.617926", "altitude": "-54.0"},
    **{"antenna_height": "34.0", "directionality": "1", "azimuth_angle": "39.0", "elevation_angle": "7.0"},
    **{"horizontal_beam_width": "65.0", "vertical_beam_width": "10.0", "power": "40.0", "range": "4200.0"},
    **{"frequency": "700", "technology": "LTE", "valid_date_start": "2024-01-01T00:00:00", "valid_date_end": ""},
    "cell_type": "macrocell",
}


def _inspect(path: Path, kind: str, mapping: Path | None = None) -> Inspection:
    return inspect_register(path, kind, "insights", ZoneInfo("Europe/Berlin"), load_formats(mapping))


def _csv(path: Path, header: Sequence[str], row: Sequence[str]) -> Path:
    return write(path, csv_bytes([row] * 4, header))


def _read(found: Inspection) -> dict[str, tuple[int, int]]:
    return {each.what: (each.read, each.rows) for each in found.readings}


def _own(found: Inspection, kind: str) -> RegisterFormat:
    mapping = parse(found.proposal.encode(), "it")
    return {"subscribers": mapping.subscribers, "consents": mapping.consents}[kind]["own"]


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("subscribers", SUBSCRIBERS, ("49151", "1980", "F", "consumer", "262", "2024-01-01")),
        ("consents", CONSENTS, ("49151", "insights", "2026-01-01T00:00:00Z", "", "app", "v1")),
        ("cells", CELLS, ("c1", "50.05", "8.1", "2025-01-01", "")),
    ],
)
def test_a_file_as_throng_expects_it_needs_no_mapping(
    tmp_path: Path, kind: str, header: Sequence[str], row: Sequence[str]
) -> None:
    found = _inspect(_csv(tmp_path / f"{kind}.csv", header, row), kind)
    assert (found.format, found.proposal, found.why_not) == ("native", "", "")
    assert found.needs_no_mapping
    assert all(read == rows for read, rows in _read(found).values())
    shouted = _inspect(_csv(tmp_path / f"{kind}.csv", [name.upper() for name in header], row), kind)
    assert (shouted.format, shouted.proposal) == ("native", ""), "names are compared without case"


@pytest.mark.parametrize("left_out", [(), ("azimuth_angle", "power", "cell_type")])
def test_the_eurostat_topology_is_read_as_it_is(tmp_path: Path, left_out: Sequence[str]) -> None:
    row = {name: value for name, value in TOPOLOGY.items() if name not in left_out}
    found = _inspect(_csv(tmp_path / "cells.csv", tuple(row), tuple(row.values())), "cells")
    assert (found.format, found.proposal, found.needs_no_mapping) == ("eurostat", "", True)
    assert ("azimuth" in _read(found)) == ("azimuth_angle" in row)


def test_a_proposed_cell_plan_keeps_what_it_says_of_antennas(tmp_path: Path) -> None:
    header = "Zelle;Breite;Länge;Azimut;Antennenhöhe;power;Reichweite;hbw;Technik"
    path = write(tmp_path / "cells.csv", (header + "\nc1;50,1;8,1;120,5;34,5;40;4200;65;LTE\n" * 4).encode())
    found = _inspect(path, "cells")
    (tmp_path / "formats.toml").write_text(found.proposal)
    assert {*RADIO} <= _read(found).keys()
    assert set(_read(found).values()) == {(4, 4)}
    radio = read_topology(tmp_path, ZoneInfo("Europe/Berlin"), load_formats(tmp_path / "formats.toml")).radio
    assert dict(zip(RADIO, radio[0], strict=True)) == {
        **{"azimuth": 120.5, "beam_width": 65, "range_m": 4200, "height_m": 34.5, "power_w": 40, "technology": 4}
    }


def test_antenna_columns_that_a_mapping_does_not_name_are_said(tmp_path: Path) -> None:
    path = _csv(tmp_path / "cells.csv", tuple(TOPOLOGY), tuple(TOPOLOGY.values()))
    mapping = write(tmp_path / "formats.toml", b'[cells.own]\nid = "cell_id"\nvalid_from = "valid_date_start"\n')
    (note,) = _inspect(path, "cells", mapping).notes
    assert "azimuth_angle" in note
    assert "technology" not in note, "it is read by its name"


def test_a_mapping_that_names_a_column_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    mapping = write(tmp_path / "formats.toml", b'[cells.own]\nid = "cell_id"\nvalid_from = "since"\n')
    path = _csv(tmp_path / "cells.csv", CELLS, ("c1", "50.05", "8.1", "2025-01-01", ""))
    assert _inspect(path, "cells", mapping).format == "native"


def test_other_names_signs_words_and_dates_are_mapped(tmp_path: Path) -> None:
    header = "Rufnummer;Geburtsjahr;Geschlecht;Segment;home_mcc;aktiv seit"
    path = write(tmp_path / "subscribers.csv", (header + "\n4915;1980;W;Privat;262;03.06.2024\n" * 4).encode())
    found = _inspect(path, "subscribers")
    own = _own(found, "subscribers")
    assert (own.separator, own.time.pattern) == (";", ("%d.%m.%Y",))
    assert own.columns["subscriber_id"] == "Rufnummer"
    assert own.values == {"gender": {"w": "f"}, "segment": {"privat": "consumer"}}
    assert set(_read(found).values()) == {(4, 4)}
    (tmp_path / "formats.toml").write_text(found.proposal)
    again = _inspect(path, "subscribers", tmp_path / "formats.toml")
    assert (again.format, again.proposal) == ("own", "")
    cells = _csv(tmp_path / "cells.csv", ("Zelle", "lat", "lng"), ("c1", "50.1", "8.1"))
    (tmp_path / "formats.toml").write_text(_inspect(cells, "cells").proposal)
    assert _inspect(cells, "cells", tmp_path / "formats.toml").format == "own"


def test_values_that_cannot_be_read_are_counted_and_told_by_their_form(tmp_path: Path) -> None:
    row = ("49151", "03.06.1980", "Hermaphrodit", "Gold", "DE", "")
    found = _inspect(_csv(tmp_path / "subscribers.csv", SUBSCRIBERS, row), "subscribers")
    assert _read(found) == {
        **{"subscriber_id": (4, 4), "birth_year": (0, 4), "gender": (0, 4), "segment": (0, 4), "home_mcc": (0, 4)},
        "active_from": (0, 0),
    }
    assert "99.99.9999" in {each.unread_form for each in found.readings}
    assert "Gold" not in str(found)


def test_consents_of_another_purpose_and_unread_times_are_counted(tmp_path: Path) -> None:
    found = _inspect(
        _csv(tmp_path / "consents.csv", CONSENTS, ("1", "Marketing", "soon", "NULL", "", "v1")), "consents"
    )
    read = _read(found)
    assert (read["purpose"], read["granted_at"], read["withdrawn_at"]) == ((0, 4), (0, 4), (0, 4))
    assert read["channel"] == (0, 0)


def test_a_purpose_in_another_case_is_mapped_by_the_operators_word_only(tmp_path: Path) -> None:
    row = ("1", "Insights", "2026-01-01", "", "app", "v1")
    found = _inspect(_csv(tmp_path / "consents.csv", CONSENTS, row), "consents")
    assert _own(found, "consents").values == {"purpose": {"insights": "insights"}}
    assert _read(found)["purpose"] == (4, 4)


def test_words_that_are_no_bare_keys_are_quoted(tmp_path: Path) -> None:
    path = _csv(tmp_path / "subscribers.csv", SUBSCRIBERS, ("1", "1980", "männlich", "consumer", "262", ""))
    assert _own(_inspect(path, "subscribers"), "subscribers").values == {"gender": {"männlich": "m"}}


def test_a_lacking_column_is_named_by_throngs_name(tmp_path: Path) -> None:
    found = _inspect(_csv(tmp_path / "consents.csv", ("msisdn", "purpose"), ("1", "insights")), "consents")
    assert (found.format, found.proposal) == (None, "")
    assert "granted_at" in found.why_not


def test_open_cell_ids_layout_is_mapped_by_the_parts_of_its_key(tmp_path: Path) -> None:
    header = ("radio", "mcc", "net", "area", "cell", "lon", "lat", "created")
    found = _inspect(
        _csv(tmp_path / "cells.csv", header, ("LTE", "262", "1", "7", "9", "8.1", "50.1", "1459692342")), "cells"
    )
    own = parse(found.proposal.encode(), "it").cells["own"]
    assert (own.id.column, found.key) == (("area", "cell"), ("area", "cell"))
    assert (own.latitude, own.longitude, own.valid_from) == ("lat", "lon", None), "created is of the database's row"
    assert set(_read(found)) == {"cell_id", "area", "latitude", "longitude", "technology"}


@pytest.mark.parametrize("given", [(), ("valid_from",), ("valid_from", "valid_to")])
def test_a_cell_plan_that_would_be_rejected_gets_a_mapping(tmp_path: Path, given: Sequence[str]) -> None:
    columns = {"cell_id": pa.array(["a", "b", "c"]), "latitude": pa.array([50.0] * 3), "longitude": pa.array([8.0] * 3)}
    times = {"valid_from": pa.array([0] * 3, pa.timestamp("us")), "valid_to": pa.nulls(3, pa.timestamp("us"))}
    path = write_parquet(tmp_path / "cells.parquet", columns | {name: times[name] for name in given})
    read = partial(read_topology, tmp_path, ZoneInfo("Europe/Berlin"))
    whole = len(given) == 2
    with nullcontext() if whole else pytest.raises(RejectedInput):
        read(load_formats())
    found = _inspect(path, "cells")
    assert _read(found)["latitude"] == (3, 3)
    assert (found.format, bool(found.proposal)) == ("native" if whole else None, not whole)
    (tmp_path / "formats.toml").write_text(found.proposal)
    assert len(read(load_formats(tmp_path / "formats.toml")).cell_id) == 3


def test_throngs_own_words_in_another_case_are_mapped_where_the_reader_takes_them_exactly(tmp_path: Path) -> None:
    rows = [
        ("49151", "1980", word, kind, "262", "") for word, kind in [("F", "IoT"), ("M", "Consumer")] for _ in "1234"
    ]
    path = write(tmp_path / "subscribers.csv", csv_bytes(rows, SUBSCRIBERS))
    found = _inspect(path, "subscribers")
    assert _own(found, "subscribers").values == {"segment": {"iot": "iot", "consumer": "consumer"}}
    assert _read(found)["segment"] == _read(found)["gender"] == (8, 8)
    mapping = tmp_path / "formats.toml"
    mapping.write_text('[subscribers.own]\nvalues.segment = { consumer = "consumer" }\n')
    again = _inspect(path, "subscribers", mapping)
    assert (again.format, _read(again)["segment"]) == ("own", (4, 8)), "as the mapping reads it"


def test_several_words_that_are_not_understood_are_told_by_their_forms(tmp_path: Path) -> None:
    rows = [("49151", "1980", "f", kind, "262", "") for kind in ("Gold", "Silver", "consumer") for _ in "1234"]
    found = _inspect(write(tmp_path / "subscribers.csv", csv_bytes(rows, SUBSCRIBERS)), "subscribers")
    (forms,) = [each.unread_form for each in found.readings if each.what == "segment"]
    assert forms
    assert {*forms.split(", ")} == {"aaaa", "aaaaaa"}


def test_decimal_commas_are_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "cells.csv", b"Zelle;Breite;L\xc3\xa4nge\n" + b"c1;52,1998;9,6041\n" * 4)
    found = _inspect(path, "cells")
    assert parse(found.proposal.encode(), "it").cells["own"].decimal == ","
    assert set(_read(found).values()) == {(4, 4)}
    (tmp_path / "formats.toml").write_text(found.proposal)
    again = _inspect(path, "cells", tmp_path / "formats.toml")
    assert (again.format, set(_read(again).values())) == ("own", {(4, 4)})
    bare = _inspect(_csv(tmp_path / "cells.csv", CELLS, ("c1", "52,19", "9,60", "", "")), "cells")
    assert parse(bare.proposal.encode(), "it").cells["own"].decimal == ","
