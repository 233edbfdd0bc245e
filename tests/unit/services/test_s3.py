"""The local S3 server's identities, and what is said when it cannot run."""

import configparser
import json
import shutil
import sys
from pathlib import Path

import pytest

from tasks.errors import StorageUnavailable
from tasks.services import s3
from tasks.services.s3_identities import write_identities, write_profiles
from tests.refusals import refused

CLIENTS = {"nordmarkt": "nordmarkt-insights", "suedbahn": "suedbahn-data"}


def test_each_client_may_use_its_own_bucket_alone(tmp_path: Path) -> None:
    write_identities(tmp_path / "identities.json", CLIENTS)
    written = json.loads((tmp_path / "identities.json").read_text())["identities"]
    actions = {one["name"]: one["actions"] for one in written}
    assert actions["nordmarkt"] == ["Read:nordmarkt-insights", "Write:nordmarkt-insights", "List:nordmarkt-insights"]
    assert set(actions) == {"admin", "nordmarkt", "suedbahn"}


def test_keys_stay_when_a_client_is_added(tmp_path: Path) -> None:
    first = write_identities(tmp_path / "identities.json", {"nordmarkt": "nordmarkt-insights"})
    second = write_identities(tmp_path / "identities.json", CLIENTS)
    assert {name: second[name] for name in first} == first
    assert len(set(second.values())) == 3


def test_keys_lie_in_files_that_only_we_can_read(tmp_path: Path) -> None:
    keys = write_identities(tmp_path / "identities.json", CLIENTS)
    profiles = write_profiles(tmp_path / "credentials", {"nordmarkt": keys["nordmarkt"]})
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(profiles)
    assert parsed.sections() == ["nordmarkt"]
    assert (parsed["nordmarkt"]["aws_access_key_id"], parsed["nordmarkt"]["aws_secret_access_key"]) == keys["nordmarkt"]


def test_a_missing_binary_is_said_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with refused("services.not_installed"), s3.serve(tmp_path, CLIENTS):
        pass


def test_a_server_that_does_not_start_leads_to_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_binary", lambda: "/bin/false")
    with pytest.raises(StorageUnavailable, match=r"server\.log"), s3.serve(tmp_path, CLIENTS):
        pass
