"""Deliveries on a real S3 server: written once, read back, each client in its own bucket alone."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tasks.errors import RefusedDelivery, StorageUnavailable, ThrongError
from tasks.services.s3 import S3Server, serve
from tasks.store import bucket_clients as module
from tasks.store import usage
from tasks.store.buckets import Bucket, Buckets
from tasks.store.client_file import Destination
from tests.refusals import refused

CLIENTS = {"nordmarkt": "nordmarkt-insights", "suedbahn": "suedbahn-data"}
DAY = "footfall/v3/docs/cadence=day/dt=2026-03-01/revision=1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve(tmp_path_factory.mktemp("s3"), CLIENTS) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_credentials(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    monkeypatch.setattr(module, "_ATTEMPTS", 2)
    monkeypatch.chdir(tmp_path)


def destination(server: S3Server, client: str, prefix: str, **changed: str) -> Destination:
    told = {
        "bucket": CLIENTS[client],
        "prefix": prefix,
        "region": "us-east-1",
        "endpoint_url": server.endpoint_url,
        "profile": client,
    }
    return Destination.model_validate(told | changed)


def opened(server: S3Server, prefix: str, client: str = "nordmarkt", **changed: str) -> Bucket:
    return Buckets().open(destination(server, client, prefix, **changed))


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_delivery_is_written_listed_and_read_back(server: S3Server) -> None:
    bucket = opened(server, "written")
    for name in ("data.parquet", "manifest.json"):
        bucket.put_new(f"{DAY}/{name}", name.encode(), sha(name.encode()))
    assert list(bucket.sizes()) == [f"{DAY}/data.parquet", f"{DAY}/manifest.json"]
    assert not bucket.sizes("footfall/v1/")
    assert bucket.get(f"{DAY}/data.parquet") == b"data.parquet"
    assert bucket.sizes(f"{DAY}/data") == {f"{DAY}/data.parquet": len("data.parquet")}
    assert bucket.location == "s3://nordmarkt-insights/written"


def test_a_meter_counts_each_request_and_each_byte_that_passes(server: S3Server) -> None:
    bucket = opened(server, "tracked")
    with usage.tracked() as costs:
        bucket.put_new("manifest.json", b"{}", sha(b"{}"))
        assert (costs.s3_requests, costs.bytes_written, costs.bytes_read) == (2, 2, 2)
        assert list(bucket.sizes()) == ["manifest.json"]
    assert bucket.get("manifest.json") == b"{}"
    assert costs.s3_requests == 3


def test_writing_the_same_bytes_again_is_success(server: S3Server) -> None:
    bucket = opened(server, "again")
    for _ in range(2):
        bucket.put_new("manifest.json", b"{}", sha(b"{}"))
    assert list(bucket.sizes()) == ["manifest.json"]


def test_other_bytes_are_never_overwritten(server: S3Server) -> None:
    bucket = opened(server, "other")
    bucket.put_new("manifest.json", b"first", sha(b"first"))
    with refused("bucket.other_bytes"):
        bucket.put_new("manifest.json", b"second", sha(b"second"))
    assert bucket.get("manifest.json") == b"first"


def test_of_writers_at_once_one_wins_and_the_others_hear_of_it(server: S3Server) -> None:
    bucket, bodies = opened(server, "race"), [bytes([n]) * 1000 for n in range(8)]

    def write(body: bytes) -> bool:
        try:
            bucket.put_new("manifest.json", body, sha(body))
        except (RefusedDelivery, StorageUnavailable):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, bodies))
    assert won.count(True) == 1
    assert bucket.get("manifest.json") == bodies[won.index(True)]


def test_the_index_may_change(server: S3Server) -> None:
    bucket = opened(server, "index")
    bucket.put_index(b"one")
    bucket.put_index(b"two")
    assert bucket.get("index.json") == b"two"


def test_bytes_damaged_on_their_way_are_not_accepted(server: S3Server) -> None:
    bucket = opened(server, "damaged")
    with refused("bucket.bytes_damaged"):
        bucket.put_new("data.parquet", b"what came", sha(b"what was sent"))
    assert bucket.sizes() == {}


def test_a_prefix_is_a_wall(server: S3Server) -> None:
    opened(server, "wall").put_new("x", b"x", sha(b"x"))
    assert opened(server, "wal").sizes() == {}


def test_a_client_sees_its_own_bucket_only(server: S3Server) -> None:
    opened(server, "own").put_new("data.parquet", b"ours", sha(b"ours"))
    with refused("bucket.access_denied") as caught:
        opened(server, "own", client="suedbahn", bucket=CLIENTS["nordmarkt"]).get("data.parquet")
    assert "Ask the client to allow" in caught.value.action


def test_a_missing_object_is_named(server: S3Server) -> None:
    with refused("bucket.no_object"):
        opened(server, "empty").get("manifest.json")


def test_a_probe_finds_a_good_destination_and_writes_nothing(server: S3Server) -> None:
    Buckets().probe(destination(server, "nordmarkt", "probe"))
    assert opened(server, "probe").sizes() == {}


def test_a_profile_that_is_not_set_up_is_our_fault(server: S3Server) -> None:
    with refused("bucket.no_credentials"):
        opened(server, "x", profile="nobody")


def test_no_credentials_at_all_are_our_fault(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    told = destination(server, "nordmarkt", "x").model_copy(update={"profile": None})
    with refused("bucket.no_credentials"):
        Buckets().probe(told)


@pytest.mark.parametrize("who", [("nobody", "x"), (None, "wrong")])
def test_credentials_that_are_not_known_there_are_refused_unnamed(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, who: tuple[str | None, str], tmp_path: Path
) -> None:
    known = server.credentials.read_text().split("aws_access_key_id = ")[1].split()[0]
    lines = f"[bad]\naws_access_key_id = {who[0] or known}\naws_secret_access_key = {who[1]}\n"
    (tmp_path / "credentials").write_text(lines)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with refused("bucket.credentials_rejected") as caught:
        opened(server, "x", profile="bad").get("a")
    assert known not in str(caught.value)


def test_a_store_that_does_not_answer_is_waited_for(server: S3Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bucket = opened(server, "x", endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        with refused("bucket.unavailable"):
            bucket.sizes()


def test_a_client_reads_its_delivery_at_an_address_with_its_own_environment(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened(server, "a/b").put_new("x", b"x", sha(b"x"))
    monkeypatch.setenv("AWS_PROFILE", "nordmarkt")
    (tmp_path / ".env").write_text(f"AWS_ENDPOINT_URL_S3={server.endpoint_url}\nTHRONG_HOME=x\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")  # so that pytest takes back what `.env` sets
    del os.environ["AWS_ENDPOINT_URL_S3"]
    for address in ("s3://nordmarkt-insights/a/b", "s3://nordmarkt-insights/a/b/"):
        assert list(Buckets().at(address).sizes()) == ["x"]
    assert "a/b/x" in Buckets().at("s3://nordmarkt-insights").sizes()


def test_a_home_remembers_the_way_to_a_bucket_and_dotenv_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.setenv(name, "")  # so that pytest takes back what the files set
        del os.environ[name]
    own = tmp_path / "home" / "env"
    own.parent.mkdir()
    own.touch(mode=0o600)
    own.write_text("export AWS_ENDPOINT_URL_S3=http://home\nexport AWS_PROFILE=nordmarkt\n")
    (tmp_path / ".env").write_text("AWS_ENDPOINT_URL_S3=http://dotenv\n")
    Buckets(own.parent)
    assert (os.environ["AWS_ENDPOINT_URL_S3"], os.environ["AWS_PROFILE"]) == ("http://dotenv", "nordmarkt")


@pytest.mark.parametrize("address", ["s3://", "http://bucket", "bucket/prefix", ""])
def test_what_is_no_address_is_said_so(address: str) -> None:
    with refused("bucket.address"):
        Buckets().at(address)


def test_no_error_carries_the_stores_own_words(server: S3Server) -> None:
    with pytest.raises(ThrongError) as caught:
        opened(server, "x", client="suedbahn", bucket=CLIENTS["nordmarkt"]).sizes()
    assert caught.value.__cause__ is None
    assert "Request" not in str(caught.value)


REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import sys, time
from pathlib import Path
from tasks.services.s3 import serve
with serve(Path(sys.argv[1]), {"nordmarkt": "nordmarkt-insights"}) as server:
    print(server.endpoint_url, flush=True)
    time.sleep(600)
"""


def test_the_server_ends_with_its_owner_and_keeps_objects_and_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as owner:
        assert owner.stdout
        port = urlsplit(owner.stdout.readline().strip()).port
        first = S3Server(tmp_path, {"s3.port": port or 0}, tmp_path / "credentials")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(first.credentials))
        opened(first, "kept").put_new("x", b"x", sha(b"x"))
        keys = first.credentials.read_text()
        owner.send_signal(signal.SIGKILL)
    assert _closes(first.endpoint_url, seconds=10)
    with serve(tmp_path, {"nordmarkt": "nordmarkt-insights"}) as second:
        assert opened(second, "kept").get("x") == b"x"
    assert first.credentials.read_text() == keys
    assert first.credentials.stat().st_mode & 0o777 == 0o600
    assert _closes(second.endpoint_url, seconds=1)


def test_a_killed_server_is_started_again_where_it_was_and_keeps_its_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path, {"nordmarkt": "nordmarkt-insights"}) as server:
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
        opened(server, "kept").put_new("x", b"x", sha(b"x"))
        assert server.process
        first, address = server.process, server.endpoint_url
        first.kill()
        first.wait()
        server.start()
        assert (server.endpoint_url, server.process.pid != first.pid) == (address, True)
        assert _once_up(lambda: opened(server, "kept").get("x")) == b"x"


def test_a_server_of_ours_starts_whatever_the_user_has_set_for_stores_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default\n")
    elsewhere = {
        "AWS_PROFILE": "absent",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "config"),
        "AWS_REQUEST_CHECKSUM_CALCULATION": "often",
        "AWS_ENDPOINT_URL": "nowhere",
        "AWS_RETRY_MODE": "ever",
        "AWS_DEFAULTS_MODE": "moon",
        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "moon",
        "AWS_CA_BUNDLE": "/no/such.pem",
    }
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    with serve(tmp_path / "s3", {"nordmarkt": "nordmarkt-insights"}) as server:
        assert server.endpoint_url.startswith("http://127.0.0.1:")


def _once_up(read: Callable[[], bytes]) -> bytes | None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(ThrongError):  # it is on its way up
            return read()
    return None


def _closes(endpoint_url: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    address = (str(urlsplit(endpoint_url).hostname), urlsplit(endpoint_url).port)
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(address):
                return True
        time.sleep(0.1)
    return False
