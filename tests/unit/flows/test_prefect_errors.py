"""What is said where Prefect's API, or what the environment tells its client, keeps a command from running."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from flows.cli.prefect_errors import translate
from flows.cli.runner import _as_flow
from tasks.errors import Misconfigured, StorageUnavailable, ThrongError


@contextmanager
def _answering(status: int, body: bytes = b"{}") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


def _said(api: str, certificates: str | None = None) -> ThrongError:
    """What a command says whose API this is."""
    told = {PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_SSL_CERT_FILE: certificates}
    with (
        temporary_settings(told),
        pytest.raises(ThrongError) as caught,
    ):
        _as_flow("daily", {})
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Misconfigured), (403, Misconfigured), (404, Misconfigured), (302, Misconfigured), (500, StorageUnavailable)],
)
def test_an_api_that_refuses_is_named_by_who_must_act(status: int, kind: type[ThrongError]) -> None:
    with _answering(status) as api:
        assert type(_said(api)) is kind


def test_a_web_page_in_place_of_the_api_is_named() -> None:
    with _answering(200, b"<html>Welcome</html>") as api:
        assert type(_said(api)) is Misconfigured


def test_an_api_that_is_not_there_is_waited_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert type(_said(f"http://127.0.0.1:{port}/api")) is StorageUnavailable


@pytest.mark.parametrize("proxy", ["socks4://127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_a_proxy_that_prefects_client_cannot_use_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert type(_said("http://127.0.0.1:9/api")) is Misconfigured


def test_certificates_that_are_not_there_are_named() -> None:
    assert type(_said("http://127.0.0.1:9/api", "/no/such.pem")) is Misconfigured


def test_a_defect_of_ours_is_not_blamed_on_prefect() -> None:
    assert translate(ZeroDivisionError()) is None
