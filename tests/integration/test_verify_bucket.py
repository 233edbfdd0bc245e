"""verify on a real bucket: the client's own credentials, and each change of an object found."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tasks.deliverable.signature import pem, public_key
from tasks.services.s3 import S3Server, serve
from tasks.store.buckets import Bucket, Buckets
from tasks.verify import Verify
from tests.refusals import refused
from tests.unit.deliverable.factories import SIGNING_KEY, document, index_of, rendered
from tests.unit.deliverable.key_attacks import KEYS, NEXT_KEY

GOOD = rendered()
ROOT = "s3://nordmarkt-insights/throng"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with serve(tmp_path_factory.mktemp("s3"), {"nordmarkt": "nordmarkt-insights"}) as running:
        yield running


@pytest.fixture
def bucket(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(server.credentials))
    monkeypatch.setenv("AWS_PROFILE", "nordmarkt")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
    monkeypatch.chdir(tmp_path)
    bucket = Buckets().at(ROOT)
    for name, content in GOOD.files.items():
        bucket.put_new(f"{GOOD.path.product_folder}/{name}", content, hashlib.sha256(content).hexdigest())
    bucket.put_index(index_of(GOOD))
    return bucket


def test_a_client_verifies_its_prefix_and_one_delivery_with_its_own_credentials(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pem(public_key(SIGNING_KEY)))
    assert Verify()(ROOT, tmp_path / "key.pem").verdict == "verified with the pinned key"
    assert Verify()(f"{ROOT}/{GOOD.path.folder}").deliveries[0].rows == GOOD.rows
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_a_client_with_a_state_file_notices_an_older_index_in_its_bucket(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pem(public_key(SIGNING_KEY)))
    remembered = (tmp_path / "key.pem", tmp_path / "seen.json")
    bucket.put_index(index_of(GOOD, sequence=2))
    for _ in range(2):
        assert Verify()(ROOT, *remembered).seen["sequence"] == 2
    bucket.put_index(index_of(GOOD, sequence=1))
    with refused("index.rolled_back"):
        Verify()(ROOT, *remembered)
    with refused("delivery.no_index"):
        Verify()(f"{ROOT}/{GOOD.path.folder}", *remembered)


def test_a_delivery_by_an_older_key_verifies_with_the_keys_of_the_prefix(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "new.pem").write_text(pem(public_key(NEXT_KEY)))
    for location in (f"{ROOT}/footfall/v3", f"{ROOT}/{GOOD.path.folder}"):
        with refused("delivery.other_key"):
            Verify()(location, tmp_path / "new.pem")
    bucket.replace("keys.json", KEYS)
    for location in (f"{ROOT}/footfall/v3", f"{ROOT}/{GOOD.path.folder}"):
        assert Verify()(location, tmp_path / "new.pem").pinned
    boto3.Session().client("s3").delete_object(Bucket="nordmarkt-insights", Key="throng/keys.json")


def test_a_bucket_that_denies_the_client_is_told_in_the_clients_words(bucket: Bucket) -> None:
    with refused("bucket.access_denied") as denied:
        Verify()("s3://somebody-elses/throng")
    assert denied.value.action.startswith("Check the address and your own credentials")


def test_an_object_changed_added_or_removed_in_the_bucket_is_named(bucket: Bucket) -> None:
    store = boto3.Session().client("s3")
    key = {"Bucket": "nordmarkt-insights", "Key": f"throng/{GOOD.path.folder}/README.md"}
    store.put_object(**key, Body=document(GOOD, "README.md")[:-1] + b" ")
    with refused("delivery.file_altered"):
        Verify()(ROOT)
    store.delete_object(**key)
    with refused("delivery.files_differ"):
        Verify()(ROOT)
    store.put_object(**key, Body=document(GOOD, "README.md"))
    store.put_object(Bucket="nordmarkt-insights", Key="throng/stray.txt", Body=b"")
    with refused("index.unnamed_objects"):
        Verify()(ROOT)
    assert Verify()(f"{ROOT}/{GOOD.path.folder}").deliveries
    store.delete_object(Bucket="nordmarkt-insights", Key="throng/stray.txt")
