"""Events in, a verified delivery in the client's bucket; each command again, and nothing changes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.services.s3 import S3Server
from tests.end_to_end.conftest import Said, Throng
from tests.receivers import webhook

DAY = "2026-03-03"


def test_from_landing_to_bucket_once_and_again(throng: Throng, client: Callable[..., Said], s3: S3Server) -> None:
    outcomes = []
    verbs = (["ingest", DAY], ["publish", "footfall", DAY], ["deliver", "nordmarkt", "footfall", DAY])
    with webhook() as received:
        applied = client("[destination]", f'[notice]\nurl = "{received.http}?sig=s3cret"\n[destination]')
        for _ in range(2):
            said = [throng(*words) for words in verbs]
            assert [one.code for one in said] == [0, 0, 0], [one.text for one in said]
            outcomes.append([one.document["outcome"] for one in said])
            books = (throng("budget", "--month", "2026-03"), throng("releases"), throng("deliveries"))
            outcomes.append([{**one.document} for one in books])
    (notice,) = received.calls
    assert [(period["period"], period["state"]) for period in notice["periods"]] == [(DAY, "delivered")]
    assert not [one.text for one in (applied, throng("client", "list"), *said) if "s3cret" in one.text]
    assert outcomes[0] == ["Ingested", "Published", "Delivered"]
    assert outcomes[2] == ["AlreadyIngested", "AlreadyPublished", "AlreadyDelivered"]
    assert outcomes[1] == outcomes[3]
    assert [run["outcome"] for run in throng("runs").document["runs"]] == [
        *reversed(outcomes[2]),
        *reversed(outcomes[0]),
    ]


def test_the_row_account_shows_every_planted_fault_and_no_row_is_lost(throng: Throng) -> None:
    import pyarrow.parquet as pq

    said = throng("ingest", DAY)
    assert said.code == 0, said.text
    (told,) = throng("runs", "--day", DAY).document["generations"]
    account: dict[str, int] = {}
    for line in told["account"]:
        account[line["reason"]] = account.get(line["reason"], 0) + line["rows"]
    outside = account.pop("outside_zones", 0)
    truth = pq.read_table(throng.landing / "truth" / "dirty.parquet").to_pydict()
    expected: dict[str, int] = {}
    for reason, rows in zip(truth["reason"], truth["expected"], strict=True):
        expected[reason] = expected.get(reason, 0) + rows
    assert sum(account.values()) == told["rows_in"]
    assert account == {reason: rows for reason, rows in expected.items() if rows}
    assert outside <= account["kept"] == told["rows_kept"]


def test_a_day_whose_folder_is_not_closed_waits(throng: Throng) -> None:
    from datetime import UTC, datetime, timedelta

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    (throng.landing / "events" / f"date={tomorrow}").mkdir()
    said = throng("ingest", str(tomorrow))
    assert (said.code, said.document.get("outcome")) == (0, "AwaitingLanding"), said.text


def test_what_a_delivery_says_to_run_next_runs_as_it_is_printed(
    throng: Throng, client: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    client()
    for words in (["ingest", DAY], ["publish", "footfall", DAY]):
        assert throng(*words).code == 0
    said = throng.text("deliver", "nordmarkt", "footfall", DAY)
    (command,) = re.findall("^Next: (.*)$", said, re.MULTILINE)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    ran = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert ran.returncode == 0, (command, ran.stderr)
    assert "not pinned" not in ran.stdout


def test_a_client_downloads_and_verifies_with_nothing_of_ours(
    throng: Throng, client: Callable[..., Said], tmp_path: Path
) -> None:
    from tasks.client_state import client_spec
    from tasks.store import open_stores

    client()
    for words in (["ingest", DAY], ["publish", "footfall", DAY], ["deliver", "nordmarkt", "footfall", DAY]):
        assert throng(*words).code == 0
    stores = open_stores()
    bucket = stores.buckets.open(client_spec(stores, "nordmarkt").destination)
    received = tmp_path / "received"
    for key in bucket.sizes():
        (received / key).parent.mkdir(parents=True, exist_ok=True)
        (received / key).write_bytes(bucket.get(key))
    said = throng("verify", str(received))
    assert (said.code, said.document["verdict"]) == (0, "consistent; key not pinned")
    data = next(received.rglob("*.parquet"))
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    assert throng("verify", str(received)).code == 30
    index = json.loads((received / "index.json").read_text())
    assert [period["state"] for period in index["periods"]] == ["delivered"]
