"""Notices to clients: a webhook learns that the index changed. A notice never delays or fails a delivery.

Not by Apprise: the connection must go to the very address that was checked, so that no name leads into our network.
"""

import logging
import socket
import ssl
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from urllib.parse import urlsplit

from tasks.deliverable.notices import Notice
from tasks.store.client_spec import ClientSpec

log = logging.getLogger("throng.notices")

TIMEOUT, LONGEST = 5.0, 10.0
"""Seconds that the receiver may be silent, and that a notice may take in all."""

_PUBLIC_IPV6 = IPv6Network("2000::/3")


def send_notice(spec: ClientSpec, notice: Notice) -> None:
    """Send the notice if the client wants one; a failure is logged, without the address."""
    if spec.notice:
        sender = Thread(target=_send, args=(spec.notice.url, spec.notice.shown, notice), daemon=True)
        sender.start()
        sender.join(LONGEST)
        if sender.is_alive():
            log.warning("The notice to %s by %s takes too long; it is not awaited.", spec.name, spec.notice.shown)


def _send(url: str, shown: str, notice: Notice) -> None:
    try:
        status = _post(url, notice.body())
        reason = None if 200 <= status < 300 else f"status {status}"
    except Exception as error:  # whatever a receiver does must not end a delivery
        reason = type(error).__name__
    if reason:
        log.warning("The notice to %s by %s was not taken: %s.", notice.client, shown, reason)


def _post(url: str, body: bytes) -> int:
    """The status of the answer; redirects are not followed, and no proxy is used."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = (HTTPSConnection if secure else HTTPConnection)(host, port, timeout=TIMEOUT)
    connection.sock = _connect(host, port, local=not secure)
    if secure:
        connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", target, body, {"Content-Type": "application/json", "User-Agent": "throng"})
        return connection.getresponse().status
    finally:
        connection.close()


def _connect(host: str, port: int, *, local: bool) -> socket.socket:
    """A connection to a checked address of the host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    may = is_loopback if local else is_public
    if not all(may(str(each[4][0])) for each in found):
        raise PermissionError("not an address for notices")
    return socket.create_connection((str(found[0][4][0]), port), TIMEOUT)


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine."""
    return ip_address(address).is_loopback


def is_public(address: str) -> bool:
    """Whether an address is another machine on the public internet, in no embedded form of a private one."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    return ip.is_global and ip in _PUBLIC_IPV6 and not ip.sixtofour and not ip.teredo
