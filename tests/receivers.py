"""Receivers on loopback: a webhook's and a mail server, which keep what they are sent."""

import json
import socket
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tasks.alerts import Alert


@dataclass
class Received:
    """What came, and how the next is answered: a webhook with the status, a mail with 250 or, from 500 on, with it."""

    url: str
    calls: list[dict[str, Any]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    status: int = 200
    elsewhere: str = ""

    @property
    def http(self) -> str:
        """The webhook's address for a browser."""
        return self.url.replace("json://", "http://")

    @property
    def texts(self) -> list[str]:
        """The plain text of all mails."""
        bodies = [mail.get_body(("plain",)) for mail in self.mails]
        return [str(body.get_content()) for body in bodies if body]

    @property
    def alerts(self) -> list[Alert]:
        """The alerts of all calls."""
        texts = [text for call in self.calls for text in call["message"].split("\n\n")]
        return [Alert(*text.split("\n")[0].split(": ", 1), *text.split("\n")[1:]) for text in texts]


@contextmanager
def webhook() -> Iterator[Received]:
    """An HTTP server that takes JSON."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(received.status)
            if received.status == 302:
                self.send_header("Location", received.elsewhere)
            self.end_headers()

        def do_GET(self) -> None:
            received.words.append(f"GET {self.path}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        received = Received(f"json://127.0.0.1:{server.server_port}/hook")
        with _running(server):
            yield received


@contextmanager
def mailbox(tls: ssl.SSLContext | None = None) -> Iterator[Received]:
    """An SMTP server (RFC 5321) that takes any password, and offers that under TLS alone."""

    class Receiver(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mailbox")
            while line := self.rfile.readline():
                words = line.decode().strip()
                received.words.append(words)
                if words.upper() == "DATA":
                    self._say("354 go on")
                    received.mails.append(message_from_bytes(self._data(), policy=policy.default))
                if tls and words.upper().startswith("EHLO"):
                    self._say("250-mailbox\r\n250 AUTH PLAIN")
                    continue
                self._say(f"{self._code(words.upper())} so be it")

        def _code(self, words: str) -> int:
            known = {"QUIT": 221, "AUTH": 235}
            return received.status if received.status >= 500 else known.get(words[:4], 250)

        def _data(self) -> bytes:
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            return (tls.wrap_socket(connection, server_side=True) if tls else connection), address

    with Server(("127.0.0.1", 0), Receiver) as server:
        to = f"127.0.0.1:{server.server_address[1]}?to=ops@operator.example&from=throng@operator.example"
        received = Received(f"mailtos://{to}&mode=ssl" if tls else f"mailto://{to}")
        with _running(server):
            yield received


def certified(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for `localhost`, signed by nobody, in `certificate.pem`."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    begins = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + timedelta(days=2))
    named = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(named.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return context


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
