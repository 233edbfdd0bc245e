"""A man in the middle of HTTP: forwards bytes unchanged to a real server, but for the faults it is told to make.

The Host header is the proxy's own, as the client signed it: a server that checks signatures checks that one.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclass(frozen=True)
class Fault:
    """What befalls a request: its server goes down, answers late or 503, or the connection is cut."""

    down: bool = False
    """From now on every connection is refused."""
    delay: float = 0
    """Seconds before the answer is sent."""
    unavailable: bool = False
    cut_request_at: int | None = None
    """The connection is cut after so many bytes of the request's body; the server has not got the rest."""
    cut_answer_at: int | None = None
    """The connection is cut after so many bytes of the answer; the server has done what was asked."""


FINE = Fault()
Plan = Callable[[int, str], Fault]
"""The fault of the n-th request (from 1) with this method."""


class Proxy:
    """Where to connect to, what befalls requests, and what was asked."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.does()

    def does(self, plan: Plan = lambda number, method: FINE) -> None:
        """From now on, do this; requests count from 1 again."""
        self.plan, self.asked = plan, list[str]()
        self.close()
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections."""
        with suppress(OSError):  # it is closed
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._serve, args=(server.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request and its answer; each has a connection of its own."""
        with client, suppress(OSError):
            head, _, received = _until(client, b"\r\n\r\n").partition(b"\r\n\r\n")
            self.asked.append(head.partition(b"\r\n")[0].decode())
            fault = self.plan(len(self.asked), self.asked[-1].partition(" ")[0])
            if fault.down:
                self.close()
                return
            if b"100-continue" in head.lower():
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = _content_length(head) if fault.cut_request_at is None else fault.cut_request_at
            while len(received) < length:
                received += _some(client)
            if fault.unavailable:
                client.sendall(UNAVAILABLE % (len(SLOW_DOWN), SLOW_DOWN))
                return
            with socket.create_connection(self._upstream) as server:
                server.sendall(_for_one_request(head) + received[:length])
                if fault.cut_request_at is None:
                    answer = _until(server, None)
                    time.sleep(fault.delay)
                    client.sendall(answer[: fault.cut_answer_at])


@contextmanager
def proxy(upstream: tuple[str, int]) -> Iterator[Proxy]:
    """Serve until the block ends."""
    served = Proxy(upstream)
    yield served
    served.close()


def _for_one_request(head: bytes) -> bytes:
    """The head as the client signed it, but for the two lines that speak of the connection: they are not signed."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"expect:", b"connection:"))]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _until(connection: socket.socket, mark: bytes | None) -> bytes:
    """What arrives until the mark has come, or the other side has ended."""
    received = b""
    while mark is None or mark not in received:
        part = connection.recv(1 << 16)
        if not part:
            break
        received += part
    return received


def _some(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 16)
    if not part:
        raise ConnectionResetError
    return part


def _content_length(head: bytes) -> int:
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lines[0].partition(b":")[2]) if lines else 0
