"""`throng inspect` needs no home, keeps nothing and shows no value; what it prints is a mapping that works."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.events.formats import parse

EVENTS = "events/date=2026-03-01/part-0.csv"


def _inspect(path: Path) -> tuple[int, list[dict[str, Any]], str]:
    ran = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    text = CliRunner().invoke(app, ["inspect", str(path)])
    assert ran.exit_code == text.exit_code
    return ran.exit_code, json.loads(ran.stdout).get("files", []), text.output


@pytest.fixture
def nowhere(home: Path, landing: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A landing, and no home."""
    monkeypatch.delenv("THRONG_HOME")
    monkeypatch.delenv("THRONG_LANDING")
    return landing


def test_a_landing_is_inspected_file_by_file_and_nothing_is_made(nowhere: Path) -> None:
    before = sorted(nowhere.parent.rglob("*"))
    code, files, text = _inspect(nowhere)
    assert code == 0
    assert [one["kind"] for one in files] == ["cells", "consents", "population", "subscribers", "zones", "events"]
    assert all(one["format"] and not one["proposal"] for one in files)
    assert "49151" not in text + str(files)
    assert sorted(nowhere.parent.rglob("*")) == before


def test_what_is_proposed_is_put_into_the_landing_and_ingest_would_read_it(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = nowhere / EVENTS
    german = re.sub(r"2026-03-01T(..):(..)[^,]*", r"01.03.2026 \1:\2", file.read_text())
    file.write_text(german.replace(",", ";").replace("subscriber_id;event_at", "Rufnummer;Zeitpunkt"))
    _, (found,), _ = _inspect(file)
    (nowhere / "formats.toml").write_text(found["proposal"])
    monkeypatch.setenv("THRONG_HOME", str(nowhere.parent / "home"))
    monkeypatch.setenv("THRONG_LANDING", str(nowhere))
    _, (again,), _ = _inspect(file)
    assert again["format"] == "own"
    assert all(reading["read"] == reading["rows"] > 0 for reading in again["readings"])
    doctor = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert {one["subject"]: one["fault"] for one in doctor["findings"]}["events"] is None


def test_census_footprints_and_parts_of_registers_are_known(nowhere: Path) -> None:
    (nowhere / "population.csv").write_text("zone_id,age_band,residents\nza,18-24,5\nzb,18-24,7\n")
    pq.write_table(pa.table({"cell_id": ["c1"], "zone_id": ["za"], "weight": [0.5]}), nowhere / "footprints.parquet")
    (nowhere / "consents").mkdir()
    (nowhere / "consents.csv").rename(nowhere / "consents" / "part-0.csv")
    code, files, text = _inspect(nowhere)
    assert code == 0
    kinds = {one["kind"]: one for one in files}
    assert {*kinds} == {"cells", "consents", "subscribers", "zones", "population", "footprints", "events"}
    assert all(one["format"] and not one["proposal"] for one in files)
    assert [column["name"] for column in kinds["population"]["columns"]] == ["zone_id", "age_band", "residents"]
    assert kinds["footprints"]["readings"][0]["rows"] == 1
    assert "12 residents" in text


@pytest.mark.parametrize(
    ("name", "content"), [("population.csv", "zone;residents\nza;5\n"), ("population-2025.csv", "zone_id,residents\n")]
)
def test_a_census_that_ingest_would_not_read_says_why(nowhere: Path, name: str, content: str) -> None:
    (nowhere / name).write_text(content)
    code, (found,), _ = _inspect(nowhere / name)
    assert (code, found["kind"], found["format"], found["proposal"]) == (0, "population", None, "")
    assert found["why_not"]


def test_zones_that_ingest_would_reject_say_why(nowhere: Path) -> None:
    zones = nowhere / "zones.geojson"
    zones.write_text(zones.read_text().replace("[8.0", "[3458000.0"))
    code, (found,), _ = _inspect(zones)
    assert (code, found["format"]) == (0, None)
    assert found["why_not"]


def test_cells_that_cannot_be_read_leave_events_to_be_inspected_without_them(nowhere: Path) -> None:
    (nowhere / "cells.csv").write_text("a;b\n")
    assert _inspect(nowhere / EVENTS)[0] == 0
    (nowhere / "cells.csv").unlink()
    assert _inspect(nowhere / EVENTS)[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "code"), [("none.csv", None, 2), ("e.csv", b"", 10), ("x.bin", b"\xff", 10)]
)
def test_what_cannot_be_read_is_said(home: Path, name: str, content: bytes | None, code: int) -> None:
    path = home.parent / name
    if content is not None:
        path.write_bytes(content)
    assert _inspect(path)[0] == code


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_landing_laid_out_otherwise_gets_one_mapping_for_all_of_it(nowhere: Path, in_parts: bool) -> None:
    (nowhere / "events" / "date=2026-03-01").rename(nowhere / "events" / "20260301")
    file = nowhere / "events" / "20260301" / "part-0.csv"
    file.write_text(re.sub(r",c(\d)", r",7;\1", file.read_text()).replace("cell_id", "lac;ci").replace(",", ";"))
    cells = nowhere / "cells.csv"
    cells.write_text(re.sub("\nc", "\n262,7,", cells.read_text()).replace("cell_id", "mcc,lac,ci").replace(",", ";"))
    if in_parts:
        (nowhere / "cells").mkdir()
        cells.rename(nowhere / "cells" / "part-0.csv")
    ran = CliRunner().invoke(app, ["inspect", str(nowhere), "--json"])
    mapping = parse(json.loads(ran.stdout)["mapping"].encode(), "it")
    assert mapping.landing.folders[-1] == "%Y%m%d"
    assert mapping.cells["own"].id.column == mapping.events["own"].cell.column == ("lac", "ci")
