"""Roles in clients' accounts: assumed with the agreed external id, and good for the client's bucket alone."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tasks.store.buckets import Buckets
from tasks.store.client_file import Destination
from tests.refusals import refused

US = "arn:aws:iam::123456789012:user/throng"


@dataclass(frozen=True)
class Account:
    url: str
    role_arn: str
    access_key: str
    secret_key: str


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield _furnished(f"http://{host}:{port}")
    server.stop()


def _furnished(url: str) -> Account:
    """An account with our user, a role that trusts it under an external id, and buckets; then checks are turned on."""
    root = boto3.Session("root", "root", region_name="us-east-1")
    iam, s3 = (root.client(name, endpoint_url=url) for name in ("iam", "s3"))
    iam.create_user(UserName="throng")
    iam.put_user_policy(UserName="throng", PolicyName="p", PolicyDocument=_policy(["sts:AssumeRole"], ["*"]))
    key = iam.create_access_key(UserName="throng")["AccessKey"]
    agreed = {"StringEquals": {"sts:ExternalId": "agreed"}}
    trust = _policy(["sts:AssumeRole"], None, Principal={"AWS": US}, Condition=agreed)
    role = iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    acts = ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]
    allowed = _policy(acts, ["arn:aws:s3:::client", "arn:aws:s3:::client/*", "arn:aws:s3:::nowhere*"])
    iam.put_role_policy(RoleName="delivery", PolicyName="p", PolicyDocument=allowed)
    for bucket in ("client", "other"):
        s3.create_bucket(Bucket=bucket)
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})
    )
    return Account(url, role, key["AccessKeyId"], key["SecretAccessKey"])


def _policy(actions: list[str], resources: list[str] | None, **more: object) -> str:
    statement = {"Effect": "Allow", "Action": actions, **more} | ({"Resource": resources} if resources else {})
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(autouse=True)
def _as_us(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", account.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", account.url)


def destination(account: Account, **changed: str) -> Destination:
    told = {
        "bucket": "client",
        "prefix": "throng",
        "region": "us-east-1",
        "endpoint_url": account.url,
        "role_arn": account.role_arn,
        "external_id": "agreed",
    }
    return Destination.model_validate(told | changed)


def test_a_role_with_the_agreed_external_id_delivers(account: Account) -> None:
    bucket = Buckets().open(destination(account))
    bucket.put_index(b"{}")
    assert list(bucket.sizes()) == ["index.json"]
    Buckets().probe(destination(account))


def test_another_external_id_is_denied(account: Account) -> None:
    with refused("bucket.access_denied") as caught:
        Buckets().open(destination(account, external_id="guessed"))
    assert str(caught.value).startswith(account.role_arn)
    assert "external id" in caught.value.action


def test_the_role_is_needed(account: Account) -> None:
    bare = destination(account).model_copy(update={"role_arn": None, "external_id": None})
    with refused("bucket.access_denied"):
        Buckets().probe(bare)


def test_the_role_opens_no_other_bucket(account: Account) -> None:
    with refused("bucket.access_denied"):
        Buckets().open(destination(account, bucket="other")).put_index(b"{}")


def test_a_missing_bucket_is_named_with_what_the_client_must_do(account: Account) -> None:
    with refused("bucket.missing") as caught:
        Buckets().probe(destination(account, bucket="nowhere"))
    assert "Ask the client to create it" in caught.value.action


def test_a_delivery_under_the_clients_key_is_stored_encrypted(account: Account) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d"
    bucket = Buckets().open(destination(account, kms_key_arn=key, prefix="kms"))
    bucket.put_index(b"{}")
    assert bucket.get("index.json") == b"{}"
    assert bucket.check_encryption() == "aws:kms"
    other = Buckets().open(destination(account, kms_key_arn=key.replace("0a1b", "ffff"), prefix="kms"))
    with refused("bucket.encryption_differs"):
        other.check_encryption()


def test_a_machine_without_any_credentials_opens_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with refused("bucket.no_credentials"):
        Buckets().open(destination(account).model_copy(update={"role_arn": None, "external_id": None}))
