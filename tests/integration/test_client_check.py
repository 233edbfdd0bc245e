"""throng client check: every right of a delivery is tried on the client's bucket, and nothing is left but the index."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tasks.deliverable.index import own_sequence
from tasks.deliverable.signature import public_key
from tasks.deliverable.verifier.signatures import key_id
from tasks.rotate import Rotate
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server, serve
from tasks.store import open_released, open_releases
from tasks.store.index_repository import ClientIndex
from tests.integration.verbs.acting import DAY
from tests.unit.deliverable.factories import index_of, signed_again

pytestmark = pytest.mark.usefixtures("home_of_clients")
OK = ["ok"] * 8
STEPS = ["credentials", "list", "owner", "index", "write", "read", "no overwriting", "encryption"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    clients = {"nordmarkt": "nordmarkt-insights", "suedbahn": "suedbahn-data"}
    with serve(tmp_path_factory.mktemp("s3"), clients) as running:
        yield running


def applied(server: S3Server, tmp_path: Path, *replaced: tuple[str, str]) -> str:
    """The prefix of a client that was applied with words of its file replaced."""
    prefix = tmp_path.name.replace("_", "-")
    text = client_file("nordmarkt", "nordmarkt-insights", server.endpoint_url, DAY, DAY, prefix=prefix)
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "nordmarkt.toml").write_text(text)
    assert CliRunner().invoke(app, ["client", "apply", "nordmarkt.toml"]).exit_code == 0
    return prefix


def checked(code: int = 0) -> dict[str, Any]:
    ran = CliRunner().invoke(app, ["client", "check", "nordmarkt", "--json"])
    assert ran.exit_code == code, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    assert [step["step"] for step in found["steps"]] == STEPS
    return found


def states(found: dict[str, Any]) -> list[str]:
    return [step["status"] for step in found["steps"]]


def objects(server: S3Server, prefix: str) -> dict[str, bytes]:
    session = boto3.Session(profile_name="nordmarkt", region_name="us-east-1")
    store, bucket = session.client("s3", endpoint_url=server.endpoint_url), "nordmarkt-insights"
    listed = store.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    return {one["Key"]: store.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}


def test_a_good_bucket_passes_each_step_and_holds_the_first_index_alone(server: S3Server, tmp_path: Path) -> None:
    prefix = applied(server, tmp_path)
    assert (checked()["ok"], list(objects(server, prefix))) == (True, [f"{prefix}/index.json", f"{prefix}/keys.json"])
    before = objects(server, prefix)
    assert states(checked()) == OK
    assert objects(server, prefix) == before
    text = CliRunner().invoke(app, ["client", "check", "nordmarkt"]).stdout
    assert text.count("ok  ") == len(STEPS)
    verified = CliRunner().invoke(app, ["verify", f"s3://nordmarkt-insights/{prefix}"], env=_as_client(server))
    assert verified.exit_code == 0, verified.output


def _as_client(server: S3Server) -> dict[str, str]:
    return {
        "AWS_PROFILE": "nordmarkt",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": server.endpoint_url,
    }


def test_a_bucket_of_somebody_else_stops_at_the_list_with_what_to_do(server: S3Server, tmp_path: Path) -> None:
    applied(server, tmp_path, ("nordmarkt-insights", "suedbahn-data"))
    found = checked(30)
    assert states(found) == ["ok", "fault", *["not_tried"] * 6]
    assert found["steps"][1]["fault"]["code"] == "bucket.access_denied"
    assert found["steps"][1]["fault"]["action"]
    assert "Not tried after that" in CliRunner().invoke(app, ["client", "check", "nordmarkt"]).stdout


def test_a_profile_that_this_machine_lacks_stops_at_the_credentials(server: S3Server, tmp_path: Path) -> None:
    applied(server, tmp_path, ('profile = "nordmarkt"', 'profile = "nobody"'))
    found = checked(2)
    assert states(found)[0] == "fault"
    assert found["steps"][0]["fault"]["code"] == "bucket.no_credentials"


def test_a_store_that_does_not_answer_is_to_be_waited_for(server: S3Server, tmp_path: Path) -> None:
    applied(server, tmp_path, (server.endpoint_url, "http://127.0.0.1:9"))
    assert states(checked(40))[:2] == ["ok", "fault"]


def test_a_bucket_of_another_ledger_is_left_as_it_is(server: S3Server, tmp_path: Path) -> None:
    prefix = applied(server, tmp_path)
    session = boto3.Session(profile_name="nordmarkt", region_name="us-east-1")
    store = session.client("s3", endpoint_url=server.endpoint_url)
    other = index_of()
    store.put_object(Bucket="nordmarkt-insights", Key=f"{prefix}/index.json", Body=other)
    found = checked(30)
    assert found["steps"][3]["fault"]["code"] == "index.other_installation"
    assert list(objects(server, prefix).values()) == [other]


def test_an_index_that_is_larger_than_ours_can_be_is_not_parsed(server: S3Server, tmp_path: Path) -> None:
    held = Held(server, applied(server, tmp_path))
    held.now()
    held.put(b'{"periods": [' + b"[]," * 1_000_000 + b"[]]}")
    assert checked(30)["steps"][3]["fault"]["code"] == "bucket.object_too_large"


def test_the_former_folder_of_another_client_is_left_as_it_is(server: S3Server, tmp_path: Path) -> None:
    prefix = applied(server, tmp_path)
    checked()
    applied(server, tmp_path, ('name = "nordmarkt"', 'name = "suedbahn"'), (f'"{prefix}"', '"before"'))
    text = (tmp_path / "nordmarkt.toml").read_text()
    before = objects(server, prefix)
    (tmp_path / "nordmarkt.toml").write_text(text.replace('"suedbahn"', '"nordmarkt"').replace('"before"', '"moved"'))
    (tmp_path / "suedbahn.toml").write_text(text.replace('"before"', f'"{prefix}"'))
    assert CliRunner().invoke(app, ["client", "apply", "nordmarkt.toml", "suedbahn.toml"]).exit_code == 0
    ran = CliRunner().invoke(app, ["client", "check", "suedbahn", "--json"])
    assert json.loads(ran.stdout)["steps"][3]["fault"]["code"] == "index.folder_shared"
    assert objects(server, prefix) == before


def test_a_client_that_was_never_applied_is_a_wrong_argument() -> None:
    ran = CliRunner().invoke(app, ["client", "check", "nobody", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)["code"]) == (2, "client.unknown")


class Held:
    """A client's index in its bucket, and another writer who changes it there."""

    def __init__(self, server: S3Server, prefix: str) -> None:
        session = boto3.Session(profile_name="nordmarkt", region_name="us-east-1")
        self._store = session.client("s3", endpoint_url=server.endpoint_url)
        self._key = {"Bucket": "nordmarkt-insights", "Key": f"{prefix}/index.json"}

    def now(self) -> bytes:
        checked()
        content: bytes = self._store.get_object(**self._key)["Body"].read()
        return content

    def put(self, content: bytes) -> None:
        self._store.put_object(**self._key, Body=content)

    def delete(self) -> None:
        self._store.delete_object(**self._key)


@pytest.fixture
def two(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Held, bytes, bytes]:
    """A client's index before and after its first period became late."""
    with monkeypatch.context() as then:
        then.setattr("tasks.release.utc_now", lambda: datetime.combine(DAY, time(12), UTC))
        held = Held(server, applied(server, tmp_path))
        first = held.now()
    second = held.now()
    assert first != second
    return held, first, second


def sequence(content: bytes) -> tuple[int, str | None]:
    document = json.loads(content)
    return document["sequence"], document["previous"]


def test_each_change_of_an_index_has_the_next_sequence_and_names_the_one_before(
    two: tuple[Held, bytes, bytes],
) -> None:
    held, first, second = two
    assert (sequence(first), sequence(second)) == ((1, None), (2, hashlib.sha256(first).hexdigest()))
    assert held.now() == second, "nothing changed"


def test_an_index_that_was_replaced_or_removed_is_written_again_as_it_was(two: tuple[Held, bytes, bytes]) -> None:
    held, first, second = two
    held.put(first)
    assert held.now() == second
    held.put(signed_again(second, lambda document: document.update(sequence=99), bytes(32)))
    assert held.now() == second, "another's signature does not count"
    held.delete()
    assert held.now() == second


def test_after_a_restore_the_sequence_continues_above_the_index_of_the_bucket(two: tuple[Held, bytes, bytes]) -> None:
    held, first, second = two
    database = open_releases().catalog._database
    with database.writing() as session:
        session.get_one(ClientIndex, "nordmarkt").sequence = 1  # an older database
        session.get_one(ClientIndex, "nordmarkt").content = first.decode()
    assert held.now() == second, "the bucket's index says what is so"
    with database.writing() as session:
        session.delete(session.get_one(ClientIndex, "nordmarkt"))
        key = open_released().signing_keys.current()
    later = signed_again(second, lambda document: document.update(sequence=9, client_state="disabled"), key)
    held.put(later)
    assert sequence(held.now()) == (10, hashlib.sha256(later).hexdigest())


def test_an_index_is_signed_anew_when_the_key_is_another(two: tuple[Held, bytes, bytes]) -> None:
    held, _, second = two
    Rotate(open_released())()
    third, public = held.now(), public_key(open_released().signing_keys.current())
    assert sequence(third) == (3, hashlib.sha256(second).hexdigest())
    assert own_sequence(third, "nordmarkt", {key_id(public): public}) == 3
