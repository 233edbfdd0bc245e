"""This machine is asked directly, whatever proxy the environment names for the world outside."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from flows.alerting.notifiers import ServiceNotifier
from flows.serving.prefect_server import is_up
from tasks.alerts import Alert
from tasks.loopback import ask_directly, free_ports, is_own
from tasks.store.buckets import Buckets

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(LISTING)))
        self.end_headers()
        self.wfile.write(LISTING)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _OnIPv6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture(params=["127.0.0.1", "localhost", "[::1]"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of this machine, by each of its names."""
    kind, host = (_OnIPv6, "::1") if request.param == "[::1]" else (ThreadingHTTPServer, "127.0.0.1")
    with kind((host, 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://{request.param}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["http", "socks5"])
def proxied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """An environment whose every proxy is one that refuses; gives how often it was asked."""
    with socket.create_server(("127.0.0.1", 0)) as refusing:
        refusing.setblocking(False)
        for name in NAMES:
            monkeypatch.setenv(name, f"{request.param}://127.0.0.1:{refusing.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "internal.example,[::1]")
        monkeypatch.delenv("no_proxy", raising=False)

        def asked() -> int:
            try:
                refusing.accept()[0].close()
            except BlockingIOError:
                return 0
            return 1

        ask_directly()
        yield asked


def test_whatever_asks_this_machine_asks_it_directly(
    url: str, proxied: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    with httpx.Client() as client:
        assert client.get(f"{url}/api/health").status_code == 200
    assert Buckets().at("s3://client/throng").sizes() == {}
    assert is_up(f"{url}/api")
    ServiceNotifier(1, f"{url.replace('http', 'json')}/hook").send(
        [Alert("run_failed", "a test", "It failed.", "Try again.")]
    )
    assert get_proxy(parse_uri(url.replace("http", "ws"))) is None
    assert proxied() == 0


def test_what_a_person_named_is_still_asked_directly_and_the_world_is_not(proxied: Callable[[], int]) -> None:
    ask_directly()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    hosts = os.environ["no_proxy"].split(",")
    assert hosts[0] == "internal.example"
    assert len(hosts) == len(set(hosts))
    assert not any(is_own(address) for address in ("https://s3.eu-central-1.amazonaws.com", "http://10.0.0.1", "x"))


def test_each_command_says_so_to_all_that_it_starts() -> None:
    script = (
        "import atexit, os; atexit.register(lambda: print(os.environ['no_proxy'])); from flows.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True)
    assert "127.0.0.1" in done.stdout.splitlines()[-1]


def test_a_free_port_is_given_once_and_none_that_an_outgoing_connection_may_take() -> None:
    given = [port for count in (1, 3, 8, 1) for port in free_ports(count)]
    assert len(set(given)) == 13
    assert max(given) < 32_768  # the kernels of Linux, macOS and BSD begin here or above


def test_a_port_that_is_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as server:
        calls = [free_ports(10) for _ in range(1_200)]  # once around
        assert server.getsockname()[1] not in {port for row in calls for port in row}
