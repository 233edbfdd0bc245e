"""Where alerts go: the log, and each service that THRONG_ALERTS names by an Apprise address.

Numbers that may be a subscriber's are masked before anything leaves, file names too. Addresses are secrets.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from typing import Protocol

from tasks.alerts import Alert
from tasks.errors import Misconfigured, masked
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
        if not known:
            raise Misconfigured(
                f"Address {number} in THRONG_ALERTS is not an Apprise address.",
                "Write jsons://HOST/PATH, mailtos://USER:PASSWORD@HOST?to=ADDRESS, or another of Apprise's; "
                "write %2F %3F %23 %40 for / ? # @ in a password.",
                "settings.alerts",
            )
        (service,) = self._service
        if service.password and getattr(service, "secure_mode", "") == "insecure":
            raise Misconfigured(
                f"Address {number} in THRONG_ALERTS would send a password without TLS.",
                "Write mailtos:// in place of mailto://.",
                "settings.alerts",
            )
        self.name = f"service {number} ({service.service_name})"

    def send(self, alerts: Sequence[Alert]) -> bool:
        """Send the alerts as title and text."""
        first, *more = _masked(alerts)
        title = f"Throng: {first.kind} {first.subject}{f' and {len(more)} more' if more else ''}"
        return bool(self._service.notify(body=text_of(alerts), title=title, body_format="text"))


def notifiers(settings: Settings) -> list[Notifier]:
    """Return every configured notifier; raise Misconfigured for an address that cannot be used."""
    addresses = (settings.alerts.get_secret_value() if settings.alerts else "").split()
    return [LogNotifier(), *(ServiceNotifier(number, address) for number, address in enumerate(addresses, 1))]


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
