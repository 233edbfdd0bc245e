"""Where alerts go: the log, a webhook, e-mail. Addresses and passwords stay in the environment, and are never shown.

What is sent leaves the house: it holds no number that may be a subscriber's, not even where a file is named by one.
"""

import json
import logging
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from tasks.alerts import Alert
from tasks.errors import Misconfigured, masked
from tasks.loopback import is_own
from tasks.settings import Settings

SECONDS = 10
"""How long a receiver may take to answer."""

log = logging.getLogger("throng.alerts")


class Notifier(Protocol):
    """One way to people."""

    name: str

    def send(self, alerts: Sequence[Alert]) -> None:
        """Pass on several alerts as one message; raises if nobody took it."""


class LogNotifier:
    """The log of `throng serve`: always there."""

    name = "log"

    def send(self, alerts: Sequence[Alert]) -> None:
        """One line each."""
        for alert in _outward(alerts):
            log.warning("%s: %s. %s %s", alert.kind, alert.subject, alert.what, alert.action)


@dataclass(frozen=True)
class WebhookNotifier:
    """JSON by POST: `text` for chat systems that show it, `alerts` for programs."""

    url: str
    name = "webhook"

    def send(self, alerts: Sequence[Alert]) -> None:
        """One call; any answer but 2xx is a failure, to be sent elsewhere too: whom that tells nobody has chosen."""
        body = {"text": text_of(alerts), "alerts": [asdict(alert) for alert in _outward(alerts)]}
        headers = {"Content-Type": "application/json", "User-Agent": "throng"}
        request = Request(self.url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - http, the settings say
        direct = [ProxyHandler({})] if is_own(self.url) else []
        with build_opener(_Stay, *direct).open(request, timeout=SECONDS):
            pass


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """Follow nothing."""


@dataclass(frozen=True)
class MailNotifier:
    """SMTP: `smtps://` is TLS from the first byte, `smtp://` turns to TLS where the server can."""

    url: str
    to: str
    name = "e-mail"

    def send(self, alerts: Sequence[Alert]) -> None:
        """One message to all addresses; a password is never sent without TLS."""
        parts = urlsplit(self.url)
        with self._connected(parts.hostname or "", parts.port or 0, parts.scheme == "smtps") as server:
            if parts.password:
                server.login(unquote(parts.username or ""), unquote(parts.password))
            server.send_message(self._message(alerts))

    def _connected(self, host: str, port: int, secure: bool) -> smtplib.SMTP:
        trusted = ssl.create_default_context()  # smtplib's own trusts everybody
        if secure:
            return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trusted)
        server = smtplib.SMTP(host, port, timeout=SECONDS)
        server.ehlo()
        if server.has_extn("starttls") or urlsplit(self.url).password:
            server.starttls(context=trusted)
        return server

    def _message(self, alerts: Sequence[Alert]) -> EmailMessage:
        user = unquote(urlsplit(self.url).username or "")
        message = EmailMessage()
        message["From"] = user if "@" in user else f"throng@{urlsplit(self.url).hostname}"
        message["To"] = self.to
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="throng")
        more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        message["Subject"] = masked(f"Throng: {alerts[0].kind} {alerts[0].subject}{more}")
        message.set_content(text_of(alerts))
        return message


def configured_notifiers(settings: Settings) -> list[Notifier]:
    """Every channel that is configured; raises Misconfigured for half a mail setting."""
    if bool(settings.alert_email) != bool(settings.smtp_url):
        raise Misconfigured(
            "Of THRONG_ALERT_EMAIL and THRONG_SMTP_URL only one is set.",
            "Set both, for example ops@operator.example and smtps://throng:PASSWORD@mail.operator.example; or neither.",
        )
    found: list[Notifier] = [LogNotifier()]
    if settings.alert_webhook:
        found.append(WebhookNotifier(settings.alert_webhook.get_secret_value()))
    if settings.smtp_url and settings.alert_email:
        found.append(MailNotifier(settings.smtp_url.get_secret_value(), settings.alert_email))
    return found


def text_of(alerts: Sequence[Alert]) -> str:
    """Alerts for people: what is the matter, and what to do."""
    return "\n\n".join(f"{alert.kind}: {alert.subject}\n{alert.what}\n{alert.action}" for alert in _outward(alerts))


def _outward(alerts: Sequence[Alert]) -> list[Alert]:
    return [Alert(*map(masked, astuple(alert))) for alert in alerts]
