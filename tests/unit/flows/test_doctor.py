"""Doctor looks at everything, creates nothing, shows no secret, and says how to mend each fault."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.errors import Misconfigured
from tasks.policy import Publisher
from tasks.policy_file import shipped
from tasks.settings import Settings
from tasks.store import open_stores
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict
from tasks.store.lake_file import LakeFile

EVENTS = "events/date=2026-03-01/part-0.csv"


def _examine() -> tuple[int, dict[str, dict[str, Any]], str]:
    ran = CliRunner().invoke(app, ["doctor", "--json"])
    found = {one["subject"]: one for one in json.loads(ran.stdout)["findings"]}
    return ran.exit_code, found, ran.output


def test_a_fresh_installation_with_a_landing_is_well_and_stays_untouched(home: Path, landing: Path) -> None:
    code, found, _ = _examine()
    assert code == 0
    assert "1 folder(s) of events" in found["landing"]["found"]
    assert "created by the first command" in found["database"]["found"]
    assert all(name in found["publisher"]["found"] for name in Publisher.model_fields)
    assert not home.exists()


def test_an_installation_in_use_is_well(home: Path, landing: Path) -> None:
    assert CliRunner().invoke(app, ["releases"]).exit_code == 0
    code, found, _ = _examine()
    assert code == 0
    assert "version" in found["database"]["found"]
    assert "belong together" in found["installation"]["found"]


def test_an_object_store_as_landing_or_lake_is_refused_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRONG_LANDING", "s3://operator/events")
    monkeypatch.setenv("THRONG_LAKE", "s3://ours/lake")
    code, found, _ = _examine()
    assert code == 2
    for subject in ("landing", "lake"):
        assert found[subject]["fault"]["code"] == "settings.not_a_folder"


def test_a_landing_without_consents_is_a_fault_of_the_operator(home: Path, landing: Path) -> None:
    (landing / "consents.csv").unlink()
    code, found, _ = _examine()
    assert code == 10
    assert "lacks consents" in found["landing"]["fault"]["what"]


def test_the_databases_password_is_masked(home: Path, landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRONG_DATABASE_URL", "postgresql://throng:hunter2@127.0.0.1:1/throng")
    code, found, output = _examine()
    assert code == 40
    assert "throng:***@127.0.0.1" in found["database"]["fault"]["what"]
    assert "hunter2" not in output


def test_keys_that_others_can_read_are_a_fault(home: Path, landing: Path) -> None:
    open_stores()
    key = home / "keys" / "other.key"
    key.touch(mode=0o644)
    code, found, _ = _examine()
    assert code == 2
    assert found["keys"]["fault"]["action"] == f"Run: chmod -R go= {home / 'keys'}"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_home_that_others_can_write_to_is_a_fault_and_nothing_is_made_there(
    home: Path, landing: Path, mode: int
) -> None:
    home.mkdir()
    home.chmod(mode)
    code, found, _ = _examine()
    assert code == 2
    assert found["settings"]["fault"]["what"] == f"The home {home} can be written to by other users."
    assert found["settings"]["fault"]["action"] == f"Run: chmod go-w {home}"
    assert CliRunner().invoke(app, ["releases"]).exit_code == 2
    with pytest.raises(Misconfigured, match="chmod go-w"):
        open_stores(Settings(home=home))
    assert not list(home.iterdir())


def test_a_home_that_others_can_enter_in_a_folder_where_all_may_write_is_well(home: Path, landing: Path) -> None:
    home.parent.chmod(0o1777)
    home.mkdir(mode=0o755)
    assert _examine()[0] == 0


def test_wrong_settings_are_named_without_their_values(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THRONG_MEMORY_LIMIT", "plenty-hunter2")
    code, found, output = _examine()
    assert code == 2
    assert "THRONG_MEMORY_LIMIT" in found["settings"]["fault"]["what"]
    assert "hunter2" not in output


def test_a_prefect_api_that_is_down_is_a_fault(home: Path, landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    code, found, _ = _examine()
    assert code == 40
    assert "does not answer" in found["prefect"]["fault"]["what"]


def test_migrate_on_a_database_of_this_version_does_nothing(home: Path) -> None:
    first, second = (CliRunner().invoke(app, ["migrate", "--json"]) for _ in range(2))
    assert json.loads(first.stdout)["before"] is None
    assert json.loads(second.stdout)["before"] == json.loads(second.stdout)["after"]


def test_notifiers_are_named_without_addresses_and_a_wrong_address_is_a_fault(
    home: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRONG_ALERTS", "jsons://chat.example/hush-hush")
    _, found, text = _examine()
    assert "JSON" in found["alerts"]["found"]
    assert "hush" not in str(found) + text
    monkeypatch.setenv("THRONG_ALERTS", "ops@operator.example")
    code, found, _ = _examine()
    assert code == 2
    assert found["alerts"]["fault"]


def test_a_folder_for_the_monitorings_file_that_is_not_there_is_a_fault(
    home: Path, landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRONG_METRICS", str(tmp_path / "collected" / "throng.prom"))
    code, found, _ = _examine()
    assert code == 2
    assert "THRONG_METRICS" in found["metrics"]["fault"]["action"]
    (tmp_path / "collected").mkdir()
    assert _examine()[1]["metrics"]["fault"] is None


def test_doctor_reads_what_ingest_will_read(home: Path, landing: Path) -> None:
    code, found, _ = _examine()
    assert code == 0
    assert "4 zones in 2 districts" in found["zones and cells"]["found"]
    assert "4 persons" in found["registers"]["found"]
    assert "1 files of 2026-03-01" in found["events"]["found"]
    assert not home.exists()


def test_doctor_counts_zones_without_a_cell(home: Path, landing: Path) -> None:
    assert "no_coverage" not in _examine()[1]["zones and cells"]["found"]
    cells = (landing / "cells.csv").read_text()
    (landing / "cells.csv").write_text(cells.replace("c3,50.05,8.035", "c3,50.05,8.026"))
    assert "1 zones have no cell" in _examine()[1]["zones and cells"]["found"]


def test_doctor_says_what_a_cell_plan_does_not_state(home: Path, landing: Path) -> None:
    assert "No cell states azimuth, power_w, height_m" in _examine()[1]["zones and cells"]["found"]
    header, *rows = (landing / "cells.csv").read_text().splitlines()
    whole = [f"{header},azimuth,power_w,height_m", *(f"{row},90,40,30" for row in rows)]
    (landing / "cells.csv").write_text("\n".join(whole))
    assert "No cell states" not in _examine()[1]["zones and cells"]["found"]


SPOILT: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "subscribers with semicolons": ("registers", "subscribers.csv", lambda text: text.replace(",", ";")),
    "consents with semicolons": ("registers", "consents.csv", lambda text: text.replace(",", ";")),
    "another purpose": ("registers", "consents.csv", lambda text: text.replace("insights", "marketing")),
    "genders in other words": ("registers", "subscribers.csv", lambda text: text.replace(",f,", ",weiblich,")),
    "consent times of another form": ("registers", "consents.csv", lambda text: text.replace("2026-01-01T", "1.1.26 ")),
    "projected zones": ("zones and cells", "zones.geojson", lambda text: text.replace("[8.0", "[3458000.0")),
    "cells without a latitude": ("zones and cells", "cells.csv", lambda text: text.replace("50.05", "")),
    "cells that no event names": ("events", "cells.csv", lambda text: text.replace("\nc", "\nx")),
    "German times": (
        "events",
        EVENTS,
        lambda text: re.sub(r"2026-03-01T(..):(..):00.01:00", r"01.03.2026 \1:\2", text),
    ),
    "a census of other ages": ("population", "population.csv", lambda text: text + "Z0,0-17,f,5\n"),
    "events with semicolons": ("events", EVENTS, lambda text: text.replace(",", ";")),
    "events without ids": ("events", EVENTS, lambda text: re.sub("49151[0-9]+", "", text)),
    "a header alone": ("events", EVENTS, lambda text: text.partition("\n")[0]),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_doctor_names_the_file_that_ingest_could_not_use(home: Path, landing: Path, spoilt: str) -> None:
    subject, file, spoil = SPOILT[spoilt]
    (landing / file).write_text(spoil((landing / file).read_text()))
    code, found, said = _examine()
    assert (code, [one for one in found if found[one]["fault"]]) == (10, [subject])
    assert "49151" not in said


def test_doctor_says_in_which_form_times_are(home: Path, landing: Path) -> None:
    _, file, spoil = SPOILT["German times"]
    (landing / file).write_text(spoil((landing / file).read_text()))
    assert "99.99.9999 99:99" in _examine()[1]["events"]["fault"]["what"]


def test_doctor_names_a_lake_file_that_is_lost_or_cut_off(home: Path, landing: Path) -> None:
    stores, day = open_stores(), date(2026, 3, 1)
    number = stores.catalog.begin_day(day, DayInputs("l", "z", "c", "p"))
    file = LakeFile(f"presence/date={day}/generation={number}/bucket=07/part-1.sealed", 4)
    verdict = Verdict(10, 10, {}, [], None, files=(file,))
    stores.catalog.accept_day(day, number, verdict, AuditEntry.by_user("day ingested", str(day)))
    code, found, _ = _examine()
    assert (code, file.path in found["lake files"]["fault"]["what"]) == (40, True)
    path = home / "lake" / file.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    assert "1 files of 1 days" in _examine()[1]["lake files"]["found"]
    path.write_bytes(b"row")
    assert str(day) in _examine()[1]["lake files"]["fault"]["action"]


def test_doctor_names_events_whose_ids_are_in_no_register(home: Path, landing: Path) -> None:
    file = landing / EVENTS
    file.write_text(file.read_text().replace("\n49151", "\n+49151"))
    code, found, said = _examine()
    assert (code, [one for one in found if found[one]["fault"]]) == (10, ["events"])
    assert "49151" not in said
    (landing / "formats.toml").write_text('[ids]\nprefixes = { "+" = "" }\n')
    assert _examine()[0] == 0


def test_doctor_stops_at_times_that_seem_to_be_utc_until_a_zone_is_named(home: Path, landing: Path) -> None:
    file = landing / EVENTS
    begin = datetime(2026, 2, 28, 23)
    lines = [f"49151000000{n % 4},{begin + timedelta(minutes=n)},c1,call\n" for n in range(24 * 60)]
    file.write_text("subscriber_id,event_at,cell_id,event_type\n" + "".join(lines))
    code, found, _ = _examine()
    assert (code, [one for one in found if found[one]["fault"]]) == (10, ["events"])
    assert "UTC" in found["events"]["fault"]["what"]
    mapping = 'subscriber = "subscriber_id"\ntime = { column = "event_at", zone = "UTC" }\ncell = "cell_id"\n'
    (landing / "formats.toml").write_text(f"[events.own]\n{mapping}")
    assert _examine()[0] == 0


def test_doctor_names_folders_that_may_be_days(home: Path, landing: Path) -> None:
    (landing / "events" / "date=2026-03-01").rename(landing / "events" / "2026-03-01")
    code, found, _ = _examine()
    assert code == 10
    assert "2026-03-01" in found["events"]["fault"]["what"]
    assert "inspect" in found["events"]["fault"]["action"]


def test_doctor_names_registers_that_ingest_would_not_let_follow(home: Path, landing: Path) -> None:
    ran = CliRunner().invoke(app, ["ingest", "2026-03-01"])
    assert ran.exit_code == 0, ran.output
    assert _examine()[0] == 0
    file = landing / "consents.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    code, found, _ = _examine()
    assert (code, [one for one in found if found[one]["fault"]]) == (10, ["register versions"])
    before = [entry.event for entry in open_stores().audit.entries("register consents")]
    assert before == ["register used"], "doctor records nothing"


def test_a_home_that_is_not_there_is_named_and_not_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = CliRunner().invoke(app, ["ingest", "2026-03-01"])
    assert ran.exit_code == 2
    assert str(home) in ran.stderr
    assert not home.exists()


def test_a_rule_for_cells_that_fails_is_a_fault_with_its_code(home: Path, landing: Path) -> None:
    cells = landing / "cells.csv"
    cells.write_text(cells.read_text() + "x,95,8,,\n")
    code, found, _ = _examine()
    assert code == 10
    assert "cells.invalid_degrees" in {one["fault"]["code"] for one in found.values() if one.get("fault")}


def test_a_fault_of_the_policy_is_said_once(home: Path, landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = home.parent / "policy.toml"
    policy.write_text(shipped().read_text().replace("minimum_age = 18", "minimal_age = 18"))
    monkeypatch.setenv("THRONG_POLICY", str(policy))
    code, found, output = _examine()
    assert code == 2
    assert [name for name, each in found.items() if each["fault"]] == ["policy"]
    waiting = {name for name, each in found.items() if each["waits_for"] == "policy"}
    assert {"publisher", "registers", "events"} <= waiting
    assert output.count("minimal_age is not known") == 1
