"""Where alerts go: the log, and each service that THRONG_ALERTS names by an Apprise address.

Numbers that may be a subscriber's are masked before anything leaves, file names too. Addresses are secrets.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any, Protocol

from tasks.alerts import Alert
from tasks.errors import Misconfigured, masked
from tasks.loopback import is_own
from tasks.settings import Settings

log = logging.getLogger("throng.alerts")


class Notifier(Protocol):
    """One way to people."""

    name: str

    def send(self, alerts: Sequence[Alert]) -> bool:
        """Send several alerts as one message; return whether the receiver took it."""


class LogNotifier:
    """The log of `throng serve`, which is always there."""

    name = "log"

    def send(self, alerts: Sequence[Alert]) -> bool:
        """Write one line an alert."""
        for alert in _masked(alerts):
            log.warning("%s: %s. %s %s", alert.kind, alert.subject, alert.what, alert.action)
        return True


class ServiceNotifier:
    """A mail server, a webhook, a chat: any service that Apprise knows."""

    def __init__(self, number: int, address: str) -> None:
        from apprise import Apprise, AppriseAsset  # 45 MB

        # A redirect would send the alert to a receiver that nobody chose.
        self._service = Apprise(asset=AppriseAsset(app_id="Throng", http_redirects=False))
        with _quiet():
            known = self._service.add(address)
        if not known or len(self._service) != 1:
            raise Misconfigured(
                f"Address {number} in THRONG_ALERTS is not an Apprise address.",
                "Write jsons://HOST/PATH, mailtos://USER:PASSWORD@HOST?to=ADDRESS, or another of Apprise's; "
                "write %2F %3F %23 %40 for / ? # @ in a password.",
                "settings.alerts",
            )
        (service,) = self._service
        if (service.password and _in_clear(service)) or not service.verify_certificate:
            raise Misconfigured(
                f"Address {number} in THRONG_ALERTS would send a password without TLS, or to an unverified server.",
                "Write the secure form, such as mailtos:// or jsons://, without verify=no.",
                "settings.alerts",
            )
        self.name = f"service {number} ({service.service_name})"

    def send(self, alerts: Sequence[Alert]) -> bool:
        """Send the alerts as title and text."""
        first, *more = _masked(alerts)
        title = f"Throng: {first.kind} {first.subject}{f' and {len(more)} more' if more else ''}"
        return self.send_text(title, text_of(alerts))

    def send_text(self, title: str, text: str) -> bool:
        """Send a message; return whether the receiver took it."""
        return bool(self._service.notify(body=text, title=title, body_format="text"))

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail server."""
        return hasattr(self._service[0], "secure_mode")

    def readdress(self, email: str) -> None:
        """Send mails to this address alone."""
        service: Any = self._service[0]
        service.targets, service.cc, service.bcc = [(False, email)], set(), set()


def notifiers(settings: Settings) -> list[Notifier]:
    """Return every configured notifier; raise Misconfigured for an address that cannot be used."""
    addresses = (settings.alerts.get_secret_value() if settings.alerts else "").split()
    return [LogNotifier(), *(ServiceNotifier(number, address) for number, address in enumerate(addresses, 1))]


def _in_clear(service: Any) -> bool:
    """Whether the service is reached without TLS, by another machine than this one."""
    if hasattr(service, "secure_mode"):  # mail: also STARTTLS is TLS
        return bool(service.secure_mode == "insecure")
    return service.secure is False and not is_own(f"http://{service.host}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Apprise logs an address that it cannot read."""
    apprise = logging.getLogger("apprise")
    apprise.disabled = True
    try:
        yield
    finally:
        apprise.disabled = False


def text_of(alerts: Sequence[Alert]) -> str:
    """Return alerts as text: what is wrong, and what to do."""
    return "\n\n".join(f"{alert.kind}: {alert.subject}\n{alert.what}\n{alert.action}" for alert in _masked(alerts))


def _masked(alerts: Sequence[Alert]) -> list[Alert]:
    return [Alert(*map(masked, astuple(alert))) for alert in alerts]
