"""This machine's own servers are asked directly: a proxy for the world outside knows nothing of them."""

import os
import socket
from contextlib import ExitStack
from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OWN = (*LOOPBACK, socket.gethostname())
"""This machine's names."""


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
    """Ports of this machine that are free now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
