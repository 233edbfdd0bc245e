"""throng client disable and offboard: no further deliveries, no lateness, and an account of what remains."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.store import open_releases, open_stores
from tests.integration.verbs.acting import DAY

REASON = ("--reason", "the contract is over")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve(tmp_path_factory.mktemp("s3"), {"nordmarkt": "nordmarkt-insights"}) as running:
        yield running


@pytest.fixture(autouse=True)
def _landing(home_of_clients: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "landing" / "events").mkdir(parents=True)
    monkeypatch.setenv("THRONG_LANDING", str(tmp_path / "landing"))


@pytest.fixture
def prefix(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of a client that was applied on the day it was granted, and is checked now, when that is late."""
    folder = tmp_path.name.replace("_", "-")
    text = client_file("nordmarkt", "nordmarkt-insights", server.endpoint_url, DAY, DAY, prefix=folder)
    (tmp_path / "nordmarkt.toml").write_text(text)
    with monkeypatch.context() as then:
        then.setattr("tasks.release.utc_now", lambda: datetime.combine(DAY, time(12), UTC))
        done("apply", "nordmarkt.toml")
    done("check", "nordmarkt")
    return folder


def done(*words: str, code: int = 0) -> dict[str, Any]:
    ran = CliRunner().invoke(app, ["client", *words, "--json"])
    assert ran.exit_code == code, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def index(server: S3Server, prefix: str) -> dict[str, Any]:
    session = boto3.Session(profile_name="nordmarkt", region_name="us-east-1")
    store = session.client("s3", endpoint_url=server.endpoint_url)
    found = store.get_object(Bucket="nordmarkt-insights", Key=f"{prefix}/index.json")
    content: dict[str, Any] = json.loads(found["Body"].read())
    return content


def audited() -> list[str]:
    return [entry.event for entry in open_releases().audit.entries("nordmarkt")]


def refusal(*words: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, [*words, "--json"])
    return ran.exit_code, json.loads(ran.stdout)["code"]


def test_a_disabled_client_gets_nothing_is_owed_nothing_and_its_index_says_so(server: S3Server, prefix: str) -> None:
    assert index(server, prefix)["periods"]
    assert (done("disable", "nordmarkt", *REASON)["changed"], audited()[-2:]) == (
        True,
        ["client disabled", "index issued"],
    )
    assert open_releases().audit.entries("nordmarkt")[-2].detail == REASON[1]
    final = index(server, prefix)
    assert (final["client_state"], final["periods"]) == ("disabled", [])
    assert refusal("deliver", "nordmarkt", "footfall", str(DAY)) == (30, "client.inactive")
    first, last = str(DAY - timedelta(days=1)), str(DAY)
    assert refusal("backfill", first, last, "--client", "nordmarkt", "--dry-run") == (30, "client.inactive")
    status = CliRunner().invoke(app, ["status", "--json"])
    assert status.exit_code == 0, status.output
    assert "nordmarkt" not in status.stdout
    assert done("list")["clients"][0]["state"] == "disabled"
    again = done("disable", "nordmarkt", *REASON)
    assert (again["changed"], audited().count("client disabled")) == (False, 1)


def test_a_disabled_client_is_enabled_by_its_file_and_by_a_word(server: S3Server, prefix: str) -> None:
    done("disable", "nordmarkt", *REASON)
    assert refusal("client", "apply", "nordmarkt.toml") == (2, "client.is_disabled")
    (enabled,) = done("apply", "nordmarkt.toml", "--enable")["clients"]
    assert (enabled["changed"], audited()[-2:]) == (True, ["client applied", "client enabled"])
    assert done("list")["clients"][0]["state"] == "active"
    assert done("check", "nordmarkt")["ok"]
    owed = index(server, prefix)
    assert "client_state" not in owed
    assert owed["periods"] == []  # its deadlines begin anew
    assert done("apply", "nordmarkt.toml", "--enable")["clients"][0]["changed"] is False


def test_a_bucket_that_is_away_keeps_nobody_enabled(server: S3Server, prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "nordmarkt.toml"
    file.write_text(file.read_text().replace(server.endpoint_url, "http://127.0.0.1:9"))
    done("apply", "nordmarkt.toml")
    found = done("disable", "nordmarkt", *REASON, code=40)
    assert (found["changed"], found["fault"]["code"]) == (True, "bucket.unavailable")
    assert done("offboard", "nordmarkt", *REASON, code=40)["code"] == "bucket.unavailable"
    assert done("list")["clients"][0]["state"] == "disabled"


def test_an_offboarded_client_is_accounted_for_and_never_comes_back(server: S3Server, prefix: str) -> None:
    open_stores().lake.objects.put_if_absent("deliveries/nordmarkt/footfall/v1/x", b"bytes")
    found = done("offboard", "nordmarkt", *REASON)
    assert (found["lake"], found["deliveries"]) == ({"objects": 1, "bytes": 5}, 0)
    size = len(json.dumps(index(server, prefix)))
    assert found["bucket"]["objects"] == 2, "index and keys"
    assert found["bucket"]["bytes"] > size // 2
    assert found["audit_rows"] == len(audited()) == 5
    assert (found["removed_settings"], found["fault"]) == (["profile"], None)
    assert index(server, prefix)["client_state"] == "offboarded"
    (kept,) = done("list")["clients"]
    assert (kept["state"], kept["destination"]["profile"]) == ("offboarded", None)
    for words in (("apply", "nordmarkt.toml"), ("apply", "nordmarkt.toml", "--enable"), ("check", "nordmarkt")):
        assert refusal("client", *words) == (2, "client.is_offboarded")
    assert refusal("client", "disable", "nordmarkt", *REASON) == (2, "client.is_offboarded")
    again = done("offboard", "nordmarkt", *REASON)
    assert (again["changed"], again["bucket"], again["audit_rows"]) == (False, None, 5)
    told = CliRunner().invoke(app, ["client", "offboard", "nordmarkt", *REASON]).stdout
    assert "1 objects, 5 bytes" in told


def test_a_bucket_that_refuses_us_hinders_no_offboarding(server: S3Server, prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "nordmarkt.toml"
    file.write_text(file.read_text().replace("nordmarkt-insights", "somebody-elses"))
    done("apply", "nordmarkt.toml")
    found = done("offboard", "nordmarkt", *REASON)
    assert (found["bucket"], found["fault"]["code"]) == (None, "bucket.access_denied")
    assert done("list")["clients"][0]["state"] == "offboarded"


def test_an_end_needs_a_known_client_and_a_reason(prefix: str) -> None:
    assert refusal("client", "disable", "nobody", *REASON) == (2, "client.unknown")
    assert refusal("client", "offboard", "nordmarkt", "--reason", " ") == (2, "usage.reason_missing")
    assert done("list")["clients"][0]["state"] == "active"
