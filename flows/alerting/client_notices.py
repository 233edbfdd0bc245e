"""Notices to clients that their index changed: by webhook and mail. A notice never fails a delivery.

Webhooks are not sent by Apprise: the connection must go to the very address that was checked, so that no name leads
into our network.
"""

import logging
import socket
import ssl
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from urllib.parse import urlsplit

from tasks.deliverable.notices import Notice
from tasks.settings import load
from tasks.store.client_spec import ClientSpec, NoticeSettings

log = logging.getLogger("throng.notices")

TIMEOUT, LONGEST = 5.0, 10.0
"""Seconds that the receiver may be silent, and that a notice may take in all."""

_PUBLIC_IPV6 = IPv6Network("2000::/3")


def send_notice(spec: ClientSpec, notice: Notice) -> None:
    """Send the notice where the client wants it; a failure is logged, without the webhook's address."""
    if spec.notice:
        sender = Thread(target=_send, args=(spec.notice, notice), daemon=True)
        sender.start()
        sender.join(LONGEST)
        if sender.is_alive():
            log.warning("The notice to %s takes too long; it is not awaited.", spec.name)


def _send(to: NoticeSettings, notice: Notice) -> None:
    if to.url:
        _try(_post, to.url, to.shown_url, notice)
    if to.email:
        _try(_mail, to.email, to.email, notice)


def _try(send: Callable[[str, Notice], str], address: str, shown: str, notice: Notice) -> None:
    try:
        fault = send(address, notice)
    except Exception as error:  # a failing receiver must not end a delivery
        fault = type(error).__name__
    if fault:
        log.warning("The notice to %s by %s was not taken: %s.", notice.client, shown, fault)


def _mail(email: str, notice: Notice) -> str:
    """Send by the first mail server of THRONG_ALERTS; the fault, if there is one."""
    from flows.alerting.notifiers import ServiceNotifier, notifiers

    services = (each for each in notifiers(load()) if isinstance(each, ServiceNotifier))
    server = next((each for each in services if each.is_mail), None)
    if server is None:
        return "THRONG_ALERTS names no mail server"
    server.readdress(email)
    return "" if server.send_text(f"Deliveries to {notice.client} changed", notice.text()) else "refused or not reached"


def _post(url: str, notice: Notice) -> str:
    """Redirects are not followed, and no proxy is used; the fault, if there is one."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = (HTTPSConnection if secure else HTTPConnection)(host, port, timeout=TIMEOUT)
    connection.sock = _connect(host, port, local=not secure)
    if secure:
        connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", target, notice.body(), {"Content-Type": "application/json", "User-Agent": "throng"})
        status = connection.getresponse().status
        return "" if 200 <= status < 300 else f"status {status}"
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
