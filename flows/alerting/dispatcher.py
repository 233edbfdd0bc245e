"""The dispatcher: receives alerts on loopback and sends each once a day through every notifier.

It runs beside Prefect's server, not on a worker: a worker that takes no runs is itself an alert.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from secrets import token_urlsafe
from threading import Thread

from flows.alerting.notifiers import Notifier, log, notifiers
from tasks.alerts import Alert, AlertKind
from tasks.errors import StorageUnavailable
from tasks.release import utc_now
from tasks.settings import Settings
from tasks.store.atomic_files import replace_file

RUN_LATE, SCHEDULE_SILENT = "run_late", "schedule_silent"
"""Kinds that only the server's automations raise."""

SERVICE_DOWN = "service_down"
"""The kind that only the supervisor raises."""

KNOWN_KINDS = frozenset({*AlertKind, RUN_LATE, SCHEDULE_SILENT, SERVICE_DOWN})

MOST_BYTES = 65_536
"""Of one alert."""

SILENCE = timedelta(hours=23)
"""Less than a day: a run that is a little earlier today than yesterday must not make it every other day."""

MOST_WAITING = 1_000
"""Alerts that wait for a service which does not answer."""

GATHER_SECONDS, RETRY_SECONDS = 5.0, 60.0
"""Alerts this close together are one message, as the server calls a few webhooks a second; when to retry."""


class SentAlerts:
    """When each alert was sent: a small file by notifier, kind and subject; without it an alert is sent twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sent: dict[str, datetime] = {}
        with suppress(OSError, ValueError, AttributeError, TypeError):
            times = json.loads(path.read_text()).items()
            self._sent = {key: datetime.fromisoformat(at).astimezone(UTC) for key, at in times}

    def is_due(self, key: str, now: datetime) -> bool:
        """Return whether it was not sent within a day."""
        return key not in self._sent or now - self._sent[key] >= SILENCE

    def record(self, keys: Sequence[str], now: datetime) -> None:
        """Keep that they were sent; drop what is older than a day."""
        self._sent |= dict.fromkeys(keys, now)
        self._sent = {key: at for key, at in self._sent.items() if now - at < SILENCE}
        content = json.dumps({key: at.isoformat() for key, at in self._sent.items()}, indent=1)
        try:
            replace_file(self._path, content.encode())
        except StorageUnavailable as error:
            log.error("Sent alerts cannot be recorded (%s); after a restart they are sent again.", type(error).__name__)


class Outbox:
    """Alerts that one notifier has not sent yet."""

    def __init__(self, notifier: Notifier, sent: SentAlerts) -> None:
        self._notifier, self._sent = notifier, sent
        self._waiting: dict[str, Alert] = {}

    def add(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Take the alerts that were not sent within a day."""
        for alert in alerts:
            key = f"{self._notifier.name} {alert.kind} {alert.subject}"
            if self._sent.is_due(key, now) and len(self._waiting) < MOST_WAITING:
                self._waiting[key] = alert

    def send(self, now: datetime) -> None:
        """Send all that waits as one message; keep it and log the failure if the receiver does not take it."""
        if not self._waiting:
            return
        try:
            taken, reason = self._notifier.send(list(self._waiting.values())), "refused or not reached"
        except Exception as error:  # must stop neither the other notifiers nor the next alert
            taken, reason = False, type(error).__name__
        if taken:
            self._sent.record(list(self._waiting), now)
            self._waiting.clear()
        else:
            message = "%d alert(s) not sent by %s: %s; trying again."
            log.error(message, len(self._waiting), self._notifier.name, reason)


class Dispatcher:
    """Gathers alerts that come close together into one message, and sends failed messages again."""

    def __init__(self, notifiers: Sequence[Notifier], sent: SentAlerts, gather: float) -> None:
        self._boxes = [Outbox(notifier, sent) for notifier in notifiers]
        self._queue: Queue[Alert | None] = Queue()
        self._gather = gather

    def enqueue(self, alert: Alert) -> None:
        """Take an alert, from any thread."""
        self._queue.put(alert)

    def stop(self) -> None:
        """End `run` after all alerts that were taken before."""
        self._queue.put(None)

    def run(self) -> None:
        """Send until stopped."""
        going = True
        while going:
            alerts, going = self._next()
            now = utc_now()
            for box in self._boxes:
                box.add(alerts, now)
                box.send(now)

    def _next(self) -> tuple[list[Alert], bool]:
        """Wait for the next alerts, none when it is time to retry; return them and whether to go on."""
        alerts, wait = list[Alert](), RETRY_SECONDS
        with suppress(Empty):
            while alert := self._queue.get(timeout=wait):
                alerts.append(alert)
                wait = self._gather
            return alerts, False
        return alerts, True


@contextmanager
def running_dispatcher(settings: Settings, gather: float = GATHER_SECONDS) -> Iterator[tuple[Dispatcher, str]]:
    """Run a dispatcher for the length of the block; its address is a secret of the server's automations."""
    dispatcher = Dispatcher(notifiers(settings), SentAlerts(settings.home.absolute() / "told.json"), gather)
    secret = token_urlsafe(16)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _listener(dispatcher, f"/{secret}"))
    threads = [Thread(target=server.serve_forever, daemon=True), Thread(target=dispatcher.run, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield dispatcher, f"http://127.0.0.1:{server.server_port}/{secret}"
    finally:
        server.shutdown()
        server.server_close()
        dispatcher.stop()
        for thread in threads:
            thread.join(timeout=15)


def _parse(body: bytes) -> Alert:
    """Return an alert of a known kind, each field on one line; raise ValueError, TypeError or AttributeError."""
    alert = Alert(**{name: " ".join(text.encode().decode().splitlines()) for name, text in json.loads(body).items()})
    if alert.kind not in KNOWN_KINDS:
        raise ValueError("unknown kind")
    return alert


def _listener(dispatcher: Dispatcher, path: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204 if compare_digest(self.path.encode(), path.encode()) and self._take() else 400)
            self.end_headers()

        def _take(self) -> bool:
            try:
                length = int(self.headers.get("Content-Length") or 0)
                dispatcher.enqueue(_parse(self.rfile.read(max(0, min(length, MOST_BYTES)))))
            except (ValueError, TypeError, AttributeError):
                log.error("An automation sent something that is no alert.")
                return False
            return True

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing: the path is the secret."""

    return Handler
