"""This machine's own servers are asked directly: a proxy for the world outside knows nothing of them."""

import os
import socket
from errno import EADDRINUSE
from ipaddress import ip_address
from itertools import count as numbers
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OWN = (*LOOPBACK, socket.gethostname())
"""This machine's names."""

_PORTS = range(20_000, 32_000, 10)
_CALLS = numbers()


def ask_directly() -> None:
    """Name this machine in `no_proxy`, for this process and all that it starts; what a person named there stays."""
    named = ",".join(filter(None, (os.environ.get("no_proxy"), os.environ.get("NO_PROXY"))))
    hosts = [host.strip(" []") for host in named.split(",")]  # with brackets, httpx reads no list at all
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, dict.fromkeys([*hosts, *OWN])))


def is_own(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host in OWN or ip_address(host).is_loopback
    except ValueError:
        return False


def free_ports(count: int) -> list[int]:
    """At most ten ports of this machine in a row that are free now, from a range that no outgoing connection takes.

    A server binds its port later: until then the kernel may give a port of its own range to any connection.
    Each process begins elsewhere, and goes on with each call.
    """
    while True:
        first = _PORTS[(os.getpid() * 7 + next(_CALLS)) % len(_PORTS)]
        row = list(range(first, first + count))
        if all(map(_is_free, row)):
            return row


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            return False
    return True
