"""What our requests carry, and what we make of a store that misbehaves: against a scripted store that records."""

import base64
import hashlib
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tasks.delivery_objects import complete
from tasks.store import bucket_clients as module
from tasks.store import usage
from tasks.store.buckets import Bucket, Buckets
from tasks.store.client_file import Destination
from tasks.store.tables import Delivery, DeliveryState
from tasks.verify import Verify
from tests.refusals import refused

OWNER = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{OWNER}:key/0a1b2c3d"
BODY = b"a delivery"
SHA = hashlib.sha256(BODY).hexdigest()
DELIVERY = Delivery(
    client="c",
    product="p",
    version=2,
    period="2026-03-01",
    revision=1,
    release_revision=1,
    inputs_digest="",
    state=DeliveryState.RENDERED,
    manifest_sha256="",
    path="d",
    rows=0,
    withheld=0,
)


class Script(ThreadingHTTPServer):
    """Answers in turn, (status, code) or (status, bytes), the last one for ever; keeps paths and headers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, str | bytes]] = [(200, b"")]
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.paths: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Script
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.paths.append(self.path.partition("?")[0])
        self.server.seen.append((self.command, {name.lower(): value for name, value in self.headers.items()}))
        answers = self.server.answers
        status, said = answers.pop(0) if len(answers) > 1 else answers[0]
        content = said if isinstance(said, bytes) else f"<Error><Code>{said}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setattr(module, "_ATTEMPTS", 2)
    server = Script()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def opened(script: Script, **changed: str) -> Bucket:
    told = {"bucket": "client", "prefix": "throng", "region": "eu-central-1"}
    address = {"endpoint_url": f"http://127.0.0.1:{script.server_port}"}
    return Buckets().open(Destination.model_validate(told | address | changed))


def put(bucket: Bucket) -> None:
    bucket.put_new("manifest.json", BODY, SHA)


def test_a_new_object_is_put_under_condition_and_checksum_and_read_back(script: Script) -> None:
    script.answers = [(200, b""), (200, BODY)]
    put(opened(script))
    (verb, headers), (then, _) = script.seen
    assert (verb, then) == ("PUT", "GET")
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(SHA)).decode()
    assert "x-amz-server-side-encryption" not in headers


@pytest.mark.parametrize(("bucket", "region"), [("client", "eu-central-1"), ("paris", "eu-west-3")])
def test_requests_to_each_clients_bucket_are_signed_for_its_own_region(
    script: Script, monkeypatch: pytest.MonkeyPatch, bucket: str, region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    script.answers = [(200, b""), (200, BODY)]
    put(opened(script, bucket=bucket, region=region))
    for _, headers in script.seen:
        assert f"/{region}/s3/aws4_request" in headers["authorization"]
    assert script.paths == [f"/{bucket}/throng/manifest.json"] * 2


def test_only_the_index_is_put_without_condition(script: Script) -> None:
    script.answers = [(200, b""), (200, BODY)]
    opened(script).put_index(BODY)
    headers = script.seen[0][1]
    assert "if-none-match" not in headers
    assert "x-amz-checksum-sha256" in headers


def test_every_request_names_the_owner_we_expect(script: Script) -> None:
    bucket = opened(script, expected_bucket_owner=OWNER)
    listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    script.answers = [(200, b""), (200, BODY), (200, b""), (200, BODY), (200, listing), (200, listing)]
    put(bucket)
    bucket.put_index(BODY)
    bucket.sizes()
    bucket.probe()
    assert len(script.seen) == 6
    assert {verb for verb, _ in script.seen} == {"PUT", "GET"}
    assert {headers.get("x-amz-expected-bucket-owner") for _, headers in script.seen} == {OWNER}


def test_objects_are_encrypted_under_the_clients_key(script: Script) -> None:
    script.answers = [(200, b""), (200, BODY)]
    put(opened(script, kms_key_arn=KEY))
    headers = script.seen[0][1]
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == KEY


def test_every_object_is_put_with_its_media_type(script: Script) -> None:
    script.answers = [(200, b""), (200, BODY), (200, b""), (200, BODY)]
    bucket = opened(script)
    bucket.put_new("data.csv", BODY, SHA, "text/csv")
    bucket.put_index(BODY)
    assert [headers["content-type"] for verb, headers in script.seen if verb == "PUT"] == [
        "text/csv",
        "application/json",
    ]


def test_a_store_that_would_overwrite_is_refused(script: Script) -> None:
    bucket = opened(script, expected_bucket_owner=OWNER)
    script.answers = [(412, "PreconditionFailed")]
    bucket.check_conditional_write(BODY)
    script.answers = [(200, b"")]
    with refused("bucket.overwrites"):
        bucket.check_conditional_write(BODY)
    assert {headers["if-none-match"] for _, headers in script.seen} == {"*"}
    assert {headers["x-amz-expected-bucket-owner"] for _, headers in script.seen} == {OWNER}


def test_a_store_that_does_not_encrypt_as_asked_is_refused(script: Script) -> None:
    script.answers = [(200, BODY)]
    assert opened(script).check_encryption() is None
    with refused("bucket.encryption_differs"):
        opened(script, kms_key_arn=KEY).check_encryption()


def test_an_answer_lost_on_its_way_is_asked_for_again(script: Script) -> None:
    script.answers = [(503, "SlowDown"), (412, "PreconditionFailed"), (200, BODY)]
    put(opened(script))
    assert [verb for verb, _ in script.seen] == ["PUT", "PUT", "GET"]


def test_a_store_that_returns_other_bytes_is_not_believed(script: Script) -> None:
    script.answers = [(200, b""), (200, b"something else")]
    with refused("bucket.other_bytes"):
        put(opened(script))


def test_a_store_that_hangs_is_not_waited_for_without_end(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bucket = opened(script, endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with refused("bucket.unavailable"):
            bucket.sizes()


def _listing(*sizes: int, more: str = "", folder: str = "d") -> bytes:
    """A page of objects of these sizes, and whether another one follows."""
    objects = "".join(
        f"<Contents><Key>throng/{folder}/{n}</Key><Size>{size}</Size></Contents>" for n, size in enumerate(sizes)
    )
    follows = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f"<ListBucketResult>{objects}{follows}</ListBucketResult>".encode()


def test_an_object_of_another_size_than_ours_is_refused_and_not_read(script: Script) -> None:
    script.answers = [(200, _listing(10**12, folder="p/v2/docs"))]
    with refused("bucket.other_bytes"):
        complete(opened(script), DELIVERY, {"docs/0": BODY})
    assert len(script.seen) == 1


def test_of_an_object_that_is_larger_than_was_said_no_more_is_read_than_shows_it(script: Script) -> None:
    bucket = opened(script)
    script.answers = [(200, b"x" * (64 << 20))]
    with usage.tracked() as costs:
        with refused("bucket.other_bytes"):
            bucket.compare("d/0", BODY)
        with refused("bucket.object_too_large"):
            bucket.get("d/0", 10)
    assert costs.bytes_read < 4 << 20
    script.answers = [(200, BODY)]
    assert bucket.get("d/0", 10) == BODY


def test_a_client_reads_no_more_of_an_object_than_was_listed(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{script.server_port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    script.answers = [(200, _listing(10).replace(b"d/0", b"index.json")), (200, b"x" * (64 << 20))]
    with usage.tracked() as costs, refused("bucket.object_too_large"):
        Verify()("s3://client/throng")
    assert costs.bytes_read < 4 << 20


def test_a_folder_with_more_objects_than_a_delivery_has_is_refused_by_its_name(script: Script) -> None:
    bucket = opened(script)
    script.answers = [(200, _listing(1, 1, more=str(n))) for n in range(9)]
    with refused("bucket.too_many_objects"):
        bucket.sizes("d/", most=3)


def test_a_list_of_empty_pages_has_an_end_too(script: Script) -> None:
    bucket = opened(script)
    script.answers = [(200, _listing(more=str(n))) for n in range(9)]
    with refused("bucket.too_many_objects"):
        bucket.sizes("d/", most=3)


@pytest.mark.parametrize("answer", [(200, "<ListBucketResult><Name>client</Name>"), (403, "<Error>")])
def test_an_answer_without_end_is_not_read_to_its_end(script: Script, answer: tuple[int, str]) -> None:
    status, begun = answer
    end = begun.partition(">")[0].replace("<", "</") + ">"
    script.answers = [(status, f"{begun}{' ' * (32 << 20)}{end}".encode())]
    for ask in (opened(script).probe, lambda: put(opened(script))):
        with refused("bucket.not_s3"):
            ask()


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (404, "NoSuchBucket", "bucket.missing"),
        (403, "AccessDenied", "bucket.access_denied"),
        (403, "ExpiredToken", "bucket.credentials_rejected"),
        (403, "RequestTimeTooSkewed", "bucket.clock_wrong"),
        (400, "KMS.DisabledException", "bucket.encryption_key_denied"),
        (400, "AuthorizationHeaderMalformed", "bucket.other_region"),
        (501, "NotImplemented", "bucket.feature_missing"),
        (400, "BadDigest", "bucket.bytes_damaged"),
        (409, "ConditionalRequestConflict", "bucket.unavailable"),
        (503, "SlowDown", "bucket.unavailable"),
        (500, "InternalError", "bucket.unavailable"),
        (429, "TooManyRequests", "bucket.unavailable"),
        (400, "SomethingNew", "bucket.refused"),
    ],
)
def test_an_answer_says_who_must_act(script: Script, status: int, answer: str, code: str) -> None:
    script.answers = [(status, answer)]
    with refused(code) as caught:
        put(opened(script))
    assert str(caught.value).startswith("s3://client/throng: writing manifest.json failed")


def test_an_unknown_answer_is_shown_in_plain_letters(script: Script) -> None:
    script.answers = [(400, "Run `curl evil`")]
    with refused("bucket.refused") as caught:
        put(opened(script))
    assert "'Run??curl?evil?'" in caught.value.what
