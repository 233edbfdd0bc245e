"""throng keys: rotation of the signing key, killed at every write, and what the command line says of it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.client_state import client_spec
from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.signatures import key_id, parse_public_key
from tasks.rotate import Rotate
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.settings import Settings
from tasks.store import ReleasedStores, bucket_clients, open_released
from tasks.store.buckets import Bucket
from tests.dying import dies, tick_before_file_acts

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)


def opened(home: Path) -> ReleasedStores:
    return open_released(Settings(home=home, landing=None))


def rotation(home: Path, reason: str | None = None) -> Callable[[], Any]:
    stores = opened(home)
    return lambda: Rotate(stores, lambda: AT)(reason)


def private_keys(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "keys" / "signing").glob("*.key"))


def test_a_rotation_killed_before_any_write_and_run_again_makes_one_key(tmp_path: Path) -> None:
    first = key_id(public_key(opened(tmp_path / "0").signing_keys.current()))
    for at in count(1):
        home = shutil.copytree(tmp_path / "0", tmp_path / str(at))

        def act(tick: Callable[[], None], home: Path = home) -> None:
            rotate = rotation(home)
            tick_before_file_acts(tick)
            rotate()

        dies(act, at)
        stores = opened(home)
        between = stores.signing_keys.ring()
        if between.statements:
            assert between.statements[-1]["key_id"] == key_id(public_key(between.private)), at
        if ended := len(between.statements) == 2 and between.rotation is None:
            assert at > 10
        else:
            Rotate(stores)()
        ring = stores.signing_keys.ring()
        new = key_id(public_key(ring.private))
        assert [statement["key_id"] for statement in ring.statements] == [first, new], at
        assert [ring.rotation, private_keys(home)] == [None, ["signing-2.key"]], at
        assert [(entry.event, entry.subject) for entry in stores.audit.entries()] == [("signing key rotated", new)], at
        if ended:
            break


def test_another_rotation_than_the_killed_one_completes_that_and_makes_its_own_key(tmp_path: Path) -> None:
    stores = opened(tmp_path)
    rotation(tmp_path)()
    ring = stores.signing_keys.ring()
    stores.signing_keys.replace(ring.statements, {"revoke": False})  # as if it had been killed at its end
    done = rotation(tmp_path)()
    assert (done.completed, done.current["key_id"]) == (True, ring.statements[-1]["key_id"])
    stores.signing_keys.replace(ring.statements, {"revoke": False})
    rotation(tmp_path, "a backup was stolen")()
    statements = stores.signing_keys.ring().statements
    assert [statement.get("revoked", False) for statement in statements] == [True, True, False]
    assert private_keys(tmp_path) == ["signing-3.key"]
    newest = stores.audit.newest()
    assert newest
    assert (newest.event, newest.detail) == ("signing key rotated, former keys revoked", "a backup was stolen")


def test_two_rotations_at_the_same_time_follow_each_other(tmp_path: Path) -> None:
    rotation(tmp_path)()
    rotations = [rotation(tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda rotate: rotate(), rotations))
    statements = opened(tmp_path).signing_keys.ring().statements
    assert len(statements) == 6
    for former, later in pairwise(statements):
        assert former["valid_until"] == later["valid_from"]
    assert private_keys(tmp_path) == ["signing-6.key"]


def test_a_clock_that_went_back_ends_no_key_before_it_began(tmp_path: Path) -> None:
    rotation(tmp_path)()
    Rotate(opened(tmp_path), lambda: AT - timedelta(days=1))()
    times = [
        (statement["valid_from"], statement["valid_until"])
        for statement in opened(tmp_path).signing_keys.ring().statements
    ]
    assert times == [("2026-03-04T09:00:00Z", "2026-03-04T09:00:00Z")] * 2 + [("2026-03-04T09:00:00Z", None)]


def called(*words: str, code: int = 0) -> dict[str, Any]:
    ran = CliRunner().invoke(app, ["keys", *words, "--json"])
    assert ran.exit_code == code, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THRONG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_the_command_lists_keys_and_writes_the_new_public_key(home: Path) -> None:
    (first,) = called("list")["keys"]
    assert first["state"] == "signs"
    done = called("rotate")
    assert done["completed"] is False
    assert (done["former"]["key_id"], done["former"]["state"]) == (first["key_id"], "former")
    pem = parse_public_key(Path(done["public_key_file"]).read_bytes())
    assert (done["public_key_file"], pem.hex()) == (str(home / "throng-public.pem"), done["key"]["public_key"])
    assert (done["written"], done["failed"]) == ([], {})
    done = called("rotate", "--revoke", "--reason", "leaked")
    assert [key["state"] for key in called("list")["keys"]] == ["revoked", "revoked", "signs"]
    assert opened(home).audit.entries(done["key"]["key_id"])[0].detail == "leaked"


def test_a_private_key_that_is_not_the_stated_one_signs_nothing(home: Path) -> None:
    called("list")
    (home / "keys" / "signing" / "signing.key").write_bytes(bytes(32))
    assert called("rotate", code=2)["code"] == "keys.signing_damaged"
    assert private_keys(home) == ["signing.key"]


@pytest.mark.parametrize("words", [("--revoke",), ("--reason", "leaked"), ("--revoke", "--reason", " ")])
def test_revocation_and_its_reason_belong_together(home: Path, words: tuple[str, ...]) -> None:
    assert called("rotate", *words, code=2)["code"] == "usage.reason_missing"


def test_a_full_home_hides_no_rotation(home: Path) -> None:
    (home / "throng-public.pem").mkdir(parents=True)
    assert called("rotate")["public_key_file"] is None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve(tmp_path_factory.mktemp("s3"), {"nordmarkt": "nordmarkt-insights"}) as running:
        yield running


@pytest.fixture
def bucket(server: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The bucket of one of two clients; the other one's does not answer."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(bucket_clients, "_ATTEMPTS", 1)
    for name, url in (("nordmarkt", server.endpoint_url), ("stadtlicht", "http://127.0.0.1:9")):
        folder = f"{home.parent.name}-{name}".replace("_", "-")
        text = client_file(name, "nordmarkt-insights", url, date(2026, 3, 1), prefix=folder)
        file = home.parent / f"{name}.toml"
        file.write_text(text.replace('profile = "stadtlicht"', 'profile = "nordmarkt"'))
        assert CliRunner().invoke(app, ["client", "apply", str(file)]).exit_code == 0
    stores = opened(home)
    return stores.buckets.open(client_spec(stores, "nordmarkt").destination)


def test_a_client_whose_bucket_fails_is_named_and_the_others_are_told(home: Path, bucket: Bucket) -> None:
    (former,) = called("list")["keys"]
    done = called("rotate", code=3)
    assert (done["written"], list(done["failed"])) == (["nordmarkt"], ["stadtlicht"])
    assert done["failed"]["stadtlicht"]["code"] == "bucket.unavailable"
    assert sorted(bucket.sizes()) == ["index.json", "keys.json"]
    listed = json.loads(bucket.get("keys.json"))
    assert [key["key_id"] for key in listed["keys"]] == [former["key_id"], done["key"]["key_id"]]
    assert json.loads(bucket.get("index.json"))["signatures"][0]["key_id"] == done["key"]["key_id"]


def test_a_key_store_from_an_old_backup_overwrites_no_newer_keys(home: Path, bucket: Bucket) -> None:
    called("list")
    backup = shutil.copytree(home / "keys" / "signing", home.parent / "backup")
    called("rotate", code=3)
    before = bucket.get("keys.json"), bucket.get("index.json")
    shutil.rmtree(home / "keys" / "signing")
    shutil.copytree(backup, home / "keys" / "signing")
    ran = CliRunner().invoke(app, ["client", "check", "nordmarkt", "--json"])
    (fault,) = (step["fault"] for step in json.loads(ran.stdout)["steps"] if step["fault"])
    assert (ran.exit_code, fault["code"]) == (30, "keys.older_than_bucket")
    assert (bucket.get("keys.json"), bucket.get("index.json")) == before
