"""What an operator or a client gets wrong outside Throng: AWS profiles, addresses, TLS; each is named, none hangs."""

import base64
import json
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tasks.errors import Misconfigured, RefusedDelivery, StorageUnavailable, ThrongError
from tasks.store import bucket_clients as module
from tasks.store.buckets import Buckets
from tasks.store.client_file import Destination
from tasks.verify import Verify
from tests.receivers import certified
from tests.refusals import refused

ROLE = "arn:aws:iam::111122223333:role/throng"
KEYS = "aws_access_key_id = x\naws_secret_access_key = y\n"
SSO = "sso_account_id = 111122223333\nsso_role_name = reader\nsso_region = eu-central-1\n"
PROFILES = {
    "sso without a sign-in": f"[default]\nsso_start_url = https://sso.example/start\n{SSO}",
    "sso session without a sign-in": (
        f"[default]\nsso_session = ours\n{SSO}[sso-session ours]\nsso_region = eu-central-1\n"
        "sso_start_url = https://sso.example/start\n"
    ),
    "sso session that is not there": f"[default]\nsso_session = ours\n{SSO}",
    "credential_process that is not there": "[default]\ncredential_process = /no/such/program\n",
    "credential_process that fails": "[default]\ncredential_process = /bin/false\n",
    "credential_process that says nonsense": "[default]\ncredential_process = /bin/echo secret\n",
    "credential_process that says too little": """[default]\ncredential_process = /bin/echo '{"Version": 1}'\n""",
    "credential_process with an open quote": '[default]\ncredential_process = /bin/echo "\n',
    "source_profile that is not there": f"[default]\nrole_arn = {ROLE}\nsource_profile = absent\n",
    "source_profile without credentials": f"[default]\nrole_arn = {ROLE}\nsource_profile = bare\n[profile bare]\n",
    "looping source_profile": (
        f"[default]\nrole_arn = {ROLE}\nsource_profile = b\n[profile b]\nrole_arn = {ROLE}\nsource_profile = default\n"
    ),
    "unknown credential_source": f"[default]\nrole_arn = {ROLE}\ncredential_source = Nowhere\n",
    "one-time code": f"[default]\nrole_arn = {ROLE}\nsource_profile = k\nmfa_serial = arn:mfa\n[profile k]\n{KEYS}",
    "absent web identity token": f"[default]\nrole_arn = {ROLE}\nweb_identity_token_file = /no/such/token\n",
    "half of the keys": "[default]\naws_access_key_id = x\n",
    "a file that cannot be read": "[default\n",
    "a file in another encoding": "[default]\naws_access_key_id = \udcff\n",
    "a bad region": f"[default]\nregion = eu_central 1\n{KEYS}",
    "a bad checksum setting": f"[default]\nregion = eu-central-1\nrequest_checksum_calculation = often\n{KEYS}",
    "a bad sts setting": f"[default]\nregion = eu-central-1\nsts_regional_endpoints = moon\n{KEYS}",
    "an endpoint without a scheme": f"[default]\nregion = eu-central-1\nendpoint_url = s3.example.com\n{KEYS}",
}
SET: dict[str, dict[str, str]] = {
    "a checksum setting": {"AWS_REQUEST_CHECKSUM_CALCULATION": "often"},
    "an endpoint without a scheme": {"AWS_ENDPOINT_URL": "s3.example.com"},
    "an s3 endpoint without a scheme": {"AWS_ENDPOINT_URL_S3": "localhost:9000"},
    "an endpoint without a host": {"AWS_ENDPOINT_URL_S3": "http://"},
    "a profile": {"AWS_PROFILE": "absent"},
    "a web identity token": {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token"},
    "container credentials": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/credentials"},
    "a proxy of another kind": {"AWS_ENDPOINT_URL_S3": "http://store.example", "HTTP_PROXY": "socks5://127.0.0.1:1"},
    "an endpoint switch": {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "moon"},
}
NO_KEYS = ("a profile", "a web identity token", "container credentials")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's home without AWS settings, a folder without `.env`, and no machine in a cloud."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, file in {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}.items():
        monkeypatch.setenv(name, str(tmp_path / file))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(module, "_ATTEMPTS", 1)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_that_gives_no_credentials_is_named_and_nobody_is_asked(tmp_path: Path, name: str) -> None:
    (tmp_path / "config").write_bytes(PROFILES[name].encode(errors="surrogateescape"))
    with pytest.raises(Misconfigured) as caught:
        Verify()("s3://client/throng")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", SET)
def test_a_variable_that_cannot_be_used_is_the_readers_to_mend(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    keys = {} if name in NO_KEYS else {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    for variable, value in {"AWS_DEFAULT_REGION": "eu-central-1", **keys, **SET[name]}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured):
        Verify()("s3://client/throng")


def test_a_bucket_that_cannot_exist_is_the_readers_to_mend(with_keys: None) -> None:
    with pytest.raises(Misconfigured):
        Verify()("s3://arn:aws:s3:moon/throng")


@dataclass
class Web:
    """An address that answers every request alike, and how often it was asked."""

    answer: Callable[[BaseHTTPRequestHandler], None]
    url: str = ""
    asked: list[str] = field(default_factory=list)


def _answered(status: int, body: bytes, headers: dict[str, str]) -> Web:
    def answer(request: BaseHTTPRequestHandler) -> None:
        web.asked.append(f"{request.command} {request.path}")
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value.replace("HERE", web.url))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    web = Web(answer)
    return web


@pytest.fixture
def serve() -> Iterator[Callable[[Web, ssl.SSLContext | None], Web]]:
    servers: list[ThreadingHTTPServer] = []

    def started(web: Web, tls: ssl.SSLContext | None = None) -> Web:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                web.answer(self)

            do_PUT = do_HEAD = do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        web.url = f"{'https' if tls else 'http'}://localhost:{server.server_port}"
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return web

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def with_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def _refused_by(web: Web, monkeypatch: pytest.MonkeyPatch) -> ThrongError:
    """What a client hears whose endpoint this is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
    with pytest.raises(ThrongError) as caught:
        Verify()("s3://client/throng")
    assert web.url in caught.value.what
    return caught.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", [b"", b"<html>moved</html>"])
def test_an_endpoint_that_redirects_is_asked_a_few_times_and_named(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    web = serve(_answered(status, body, {"Location": "HERE/elsewhere"}))
    assert type(_refused_by(web, monkeypatch)) is RefusedDelivery
    assert len(web.asked) <= 3


def test_an_endpoint_that_names_another_region_without_end_is_asked_a_few_times(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"<Error><Code>PermanentRedirect</Code></Error>"
    web = serve(_answered(301, body, {"x-amz-bucket-region": "us-west-2"}))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
    with pytest.raises(RefusedDelivery):
        Verify()("s3://client/throng")
    assert len(web.asked) <= 4


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome</body></html>",
        b"not xml",
        b"",
        b"<ListBucketResult><Contents/></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>throng/a</Key><Size>many</Size></Contents></ListBucketResult>",
    ],
)
def test_an_endpoint_that_is_no_store_is_never_a_defect(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    web = serve(_answered(200, body, {}))
    assert _refused_by(web, monkeypatch).exit_code in (30, 40)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_file_of_certificates_that_is_not_there_is_named(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    web = serve(_answered(200, b"", {}), certified(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
    monkeypatch.setenv(variable, "/no/such/file.pem")
    with pytest.raises(Misconfigured):
        Verify()("s3://client/throng")


def test_a_certificate_that_nobody_signed_is_named_until_it_is_trusted(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    web = serve(_answered(200, listing, {}), certified(tmp_path))
    fault = _refused_by(web, monkeypatch)
    assert (type(fault), "TLS" in fault.what, "AWS_CA_BUNDLE" in fault.action) == (RefusedDelivery, True, False)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    assert Buckets().at("s3://client/throng").sizes() == {}


def test_an_endpoint_without_tls_at_https_is_named(
    serve: Callable[..., Web], with_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = serve(_answered(200, b"", {}))
    web.url = web.url.replace("http:", "https:")
    assert type(_refused_by(web, monkeypatch)) is StorageUnavailable


def test_the_service_that_gives_roles_is_named_where_it_does_not_answer(
    with_keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://user:word@127.0.0.1:1")
    told = {"bucket": "client", "prefix": "throng", "region": "eu-central-1", "role_arn": ROLE, "external_id": "ours-1"}
    with pytest.raises(StorageUnavailable) as caught:
        Buckets().open(Destination.model_validate(told))
    assert "http://127.0.0.1:1 " in caught.value.what
    assert "word" not in str(caught.value)


def test_a_role_of_ones_own_profile_whose_service_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        f"[default]\nregion = eu-central-1\nrole_arn = {ROLE}\nsource_profile = k\n[profile k]\n{KEYS}"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    with refused("bucket.unavailable"):
        Verify()("s3://client/throng")


def test_a_sign_in_that_has_expired_is_named(tmp_path: Path) -> None:
    from hashlib import sha1

    (tmp_path / "config").write_text(PROFILES["sso without a sign-in"])
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    name = sha1(b"https://sso.example/start").hexdigest()
    token = base64.b64encode(b"token").decode()
    (cache / f"{name}.json").write_text(json.dumps({"accessToken": token, "expiresAt": "2020-01-01T00:00:00Z"}))
    with pytest.raises(Misconfigured):
        Verify()("s3://client/throng")
