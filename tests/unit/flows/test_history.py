"""The books are read from a real database, filled as the verbs fill it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.store import Stores, open_stores, usage
from tasks.store.audit import AuditEntry
from tasks.store.catalog import DayInputs, Verdict
from tasks.store.ledger import ReleaseKey, ReservationFacts
from tests.factories import client_toml

DAY = date(2026, 3, 1)
CLIENT = client_toml(zones='["Z1", "Z2"]')


@pytest.fixture
def stores(home: Path) -> Stores:
    return open_stores()


def _said(*words: str) -> dict[str, Any]:
    ran = CliRunner().invoke(app, [*words, "--json"])
    assert ran.exit_code == 0, ran.output
    return {**json.loads(ran.stdout), "text": CliRunner().invoke(app, list(words)).stdout}


def _reserve(stores: Stores) -> None:
    facts = ReservationFacts("3/256", datetime(2026, 3, 2, 6, tzinfo=UTC), "d" * 64, "plan", {"2026-03-01": 1})
    key = ReleaseKey("footfall", 3, "2026-03-01", 1)
    stores.ledger.reserve(key, {"2026-03": 11718750000}, 10**12, facts, AuditEntry("me", "reserved", str(key)))


def test_failed_runs_are_listed_alone_and_as_many_as_asked_for(stores: Stores) -> None:
    for day in range(1, 6):
        with stores.catalog.run("ingest", f"2026-03-0{day}") as run:
            run.outcome, run.exit_code = ("RejectedInput", 10) if day % 2 else ("Ingested", 0)
    failed = [run["subject"] for run in _said("runs", "--failed", "--limit", "2")["runs"]]
    assert failed == ["2026-03-05", "2026-03-03"]
    assert len(_said("runs", "--limit", "4")["runs"]) == 4


def test_empty_books_say_which_command_comes_next(stores: Stores) -> None:
    assert "Next: throng publish" in _said("releases")["text"]
    assert "Next: throng deliver" in _said("deliveries")["text"]
    assert "Next: throng ingest" in _said("runs")["text"]
    assert "never ingested" in _said("runs", "--day", "2026-03-01")["text"]
    assert "whole cap is left" in _said("budget")["text"]
    assert "Next: throng client apply" in _said("client", "list")["text"]


def test_a_charged_release_stands_in_releases_and_budget(stores: Stores) -> None:
    _reserve(stores)
    (release,) = _said("releases")["releases"]
    assert (release["release"], release["state"], release["rho"]) == ("footfall/v3/2026-03-01/r1", "reserved", 3 / 256)
    (month,) = _said("budget")["months"]
    assert (month["rho_spent"], month["rho_cap"]) == (0.01171875, 1.0)
    assert month["epsilon_spent"] < 1.1 < 9.4 < month["epsilon_cap"] < 9.6
    (charge,) = _said("budget", "--month", "2026-03")["charges"]
    assert charge["rho"] == 0.01171875
    assert _said("budget", "--month", "2026-04")["months"] == []


def test_a_day_shows_its_account_by_file_and_reason_and_its_gate(stores: Stores) -> None:
    generation = stores.catalog.begin_day(DAY, DayInputs("landing", "zones", "cells", "policy"))
    rule = {"rule": "rows_low", "severity": "critical", "status": "failed", "value": 0.2, "limit": 0.5}
    rows = {("part-0.csv", "kept"): 7, ("part-0.csv", "no_consent"): 3}
    verdict = Verdict(10, 7, rows, [{**rule, "message": "Too few rows.", "action": "Send the rest."}], 1)
    stores.catalog.reject_day(DAY, generation, verdict, AuditEntry("me", "day rejected", str(DAY)))
    said = _said("runs", "--day", "2026-03-01")
    (told,) = said["generations"]
    assert (told["state"], told["rows_in"], told["rows_kept"]) == ("rejected", 10, 7)
    assert {"file": "part-0.csv", "reason": "no_consent", "rows": 3} in told["account"]
    assert told["gate"][0]["action"] == "Send the rest."
    assert "Too few rows." in said["text"]


def test_runs_tell_how_each_ended_and_where_its_page_is(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    with stores.catalog.run("ingest", "2026-03-01", "7d0c") as run:
        run.outcome = "Ingested"
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    (line,) = _said("runs")["runs"]
    assert (line["verb"], line["outcome"], line["exit"]) == ("ingest", "Ingested", 0)
    assert line["page"] == "http://127.0.0.1:4200/v2/runs/flow-run/7d0c"


def test_runs_tell_what_each_cost(stores: Stores) -> None:
    with stores.catalog.run("deliver", "nordmarkt footfall 2026-03-01"):
        usage.count(read=999)
        usage.count(written=1_234_567_890_123)
        usage.count_request()
        (begun,) = _said("runs")["runs"]
        assert (begun["cpu_seconds"], begun["s3_requests"]) == (None, None)
    (line,) = _said("runs")["runs"]
    assert (line["bytes_read"], line["bytes_written"], line["s3_requests"]) == (999, 1_234_567_890_123, 1)
    assert line["cpu_seconds"] >= 0


def test_a_client_is_applied_once_and_listed(stores: Stores, tmp_path: Path) -> None:
    file = tmp_path / "nordmarkt.toml"
    file.write_text(CLIENT)
    (first,) = _said("client", "apply", str(file))["clients"]
    assert (first["client"], first["changed"]) == ("nordmarkt", True)
    (again,) = _said("client", "apply", str(file))["clients"]
    assert again == {"client": "nordmarkt", "changed": False, "changes": []}
    listed = _said("client", "list")
    assert listed["clients"][0]["destination"]["bucket"] == "nordmarkt-insights"
    assert "footfall of Z1, Z2 from 2026-03-01" in listed["text"]


def test_a_changed_file_is_applied_with_each_change_before_and_after(stores: Stores, tmp_path: Path) -> None:
    file = tmp_path / "nordmarkt.toml"
    file.write_text(CLIENT)
    _said("client", "apply", str(file))
    file.write_text(CLIENT.replace('"throng"', '"elsewhere"').replace('["parquet"]', '["parquet", "csv"]'))
    (told,) = json.loads(CliRunner().invoke(app, ["client", "apply", str(file), "--json"]).stdout)["clients"]
    assert told["changes"] == [
        {"field": "prefix", "before": "throng", "after": "elsewhere"},
        {"field": "grant of footfall from 2026-03-01 formats", "before": ["parquet"], "after": ["parquet", "csv"]},
    ]
    file.write_text(CLIENT)
    assert "~ prefix: elsewhere -> throng" in CliRunner().invoke(app, ["client", "apply", str(file)]).stdout


def test_two_files_of_one_client_are_refused(stores: Stores, tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(CLIENT)
    second.write_text(CLIENT.replace('"throng"', '"elsewhere"'))
    ran = CliRunner().invoke(app, ["client", "apply", str(first), str(second)])
    assert ran.exit_code == 2
    assert "More than one file is of client nordmarkt" in ran.stderr
    assert stores.catalog.clients() == []


def test_of_several_client_files_all_are_applied_or_none(stores: Stores, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(CLIENT)
    bad.write_text(CLIENT.replace("bucket =", "buckets ="))
    ran = CliRunner().invoke(app, ["client", "apply", str(good), str(bad)])
    assert ran.exit_code == 2
    assert "did you mean 'bucket'" in ran.stderr
    assert stores.catalog.clients() == []
