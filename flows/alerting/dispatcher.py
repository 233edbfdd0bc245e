"""The teller: hears alerts on loopback, from the server's automations, and passes each on once a day by every channel.

It runs beside the server, not on a worker: that no worker takes runs is one of the things to be told.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from secrets import token_urlsafe
from threading import Event, Thread
from time import monotonic
from urllib.request import ProxyHandler, Request, build_opener

from flows.alerting.deduplication import Deduplicator
from flows.alerting.notifiers import SECONDS, Notifier, configured_notifiers, log
from tasks.alerts import Alert, AlertKind
from tasks.release import utc_now
from tasks.settings import Settings

RUN_LATE, SCHEDULE_SILENT = "run_late", "schedule_silent"
"""Kinds of which only the server's automations know."""

SERVICE_DOWN = "service_down"
"""The kind of which only the supervisor knows."""

KNOWN_KINDS = frozenset({*AlertKind, RUN_LATE, SCHEDULE_SILENT, SERVICE_DOWN})

LONGEST = 65_536
"""Bytes of one alert."""

KEPT = 1_000
"""Alerts that wait for a channel which does not answer."""


GATHER, AGAIN, LOOK = 5.0, 60.0, 0.2
"""Seconds: what follows so closely is one message; a failed one is tried again; the queue is looked at.

The server calls its webhooks one by one, a few a second.
"""


class Outbox:
    """What one channel was not told yet."""

    def __init__(self, channel: Notifier, memory: Deduplicator) -> None:
        self._channel, self._memory = channel, memory
        self._waiting: dict[tuple[str, str], Alert] = {}

    def add(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Take what the channel was not told within a day."""
        for alert in alerts:
            if self._memory.fresh(self._channel.name, alert, now) and len(self._waiting) < KEPT:
                self._waiting[alert.kind, alert.subject] = alert

    def send(self, now: datetime) -> None:
        """Tell all that waits as one message; what was not taken goes on waiting, and the log says so."""
        waiting = list(self._waiting.values())
        if not waiting:
            return
        try:
            self._channel.send(waiting)
        except Exception as error:  # whatever it is, the other channels and the next alerts go on
            name, reason = self._channel.name, _reason(error)
            log.error("%d alert(s) not delivered by %s (%s); trying again", len(waiting), name, reason)
            return
        self._waiting.clear()
        self._memory.remember(self._channel.name, waiting, now)


class Dispatcher:
    """Gathers what comes within a moment into one message, and tries again what was not taken."""

    def __init__(self, ways: Sequence[Notifier], memory: Deduplicator, gather: float, again: float = AGAIN) -> None:
        self._boxes = [Outbox(way, memory) for way in ways]
        self._heard: Queue[Alert] = Queue()
        self._gather, self._again = gather, again
        self._over = Event()

    def hear(self, alert: Alert) -> None:
        """Take an alert, from any thread."""
        self._heard.put(alert)

    def work(self) -> None:
        """Tell until stopped; what was heard before is told still."""
        while not self._over.is_set():
            self._tell(self._gathered())
        self._tell([])

    def stop(self) -> None:
        """End `work` within the gathering time."""
        self._over.set()

    def _tell(self, alerts: Sequence[Alert]) -> None:
        now = utc_now()
        for box in self._boxes:
            try:
                box.add(alerts, now)
                box.send(now)
            except Exception as error:
                log.error("An alert was not dealt with (%s).", _reason(error))

    def _gathered(self) -> list[Alert]:
        """Waits for an alert, and then until no more come for a moment; nothing when it is time to try again."""
        ends, heard = monotonic() + self._again, 0
        while self._heard.empty() and monotonic() < ends and not self._over.wait(LOOK):
            pass
        while self._heard.qsize() > heard and not self._over.is_set():
            heard = self._heard.qsize()
            self._over.wait(self._gather)
        return list(_drained(self._heard))


def _reason(error: Exception) -> str:
    """Its kind and number: its text may hold an address with a password."""
    return f"{type(error).__name__} {getattr(error, 'code', '') or getattr(error, 'smtp_code', '')}".strip()


def _drained(queue: "Queue[Alert]") -> Iterator[Alert]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def post_alert(address: str, alert: Alert) -> None:
    """Say an alert to the teller at its address; raises OSError."""
    request = Request(address, json.dumps(asdict(alert)).encode(), method="POST")  # noqa: S310 - our own
    build_opener(ProxyHandler({})).open(request, timeout=SECONDS).close()


@contextmanager
def running_dispatcher(settings: Settings, gather: float = GATHER) -> Iterator[str]:
    """A running teller for the length of the block; its address, which only the automations need to know."""
    dispatcher = Dispatcher(
        configured_notifiers(settings), Deduplicator(settings.home.absolute() / "told.json"), gather
    )
    secret = token_urlsafe(16)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _listener(dispatcher, f"/{secret}"))
    threads = [Thread(target=server.serve_forever, daemon=True), Thread(target=dispatcher.work, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{secret}"
    finally:
        server.shutdown()
        server.server_close()
        dispatcher.stop()
        for thread in threads:
            thread.join(timeout=15)


def _alert(said: dict[str, str]) -> Alert:
    """An alert of a known kind; each field is made one line, as a mail's subject and a log's entry are."""
    alert = Alert(**{name: " ".join(text.encode().decode().splitlines()) for name, text in said.items()})
    if alert.kind not in KNOWN_KINDS:
        raise ValueError("unknown kind")
    return alert


def _listener(dispatcher: Dispatcher, path: str) -> type[BaseHTTPRequestHandler]:
    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            alert = self._alert() if compare_digest(self.path.encode(), path.encode()) else None
            if alert:
                dispatcher.hear(alert)
            self.send_response(204 if alert else 400)
            self.end_headers()

        def _alert(self) -> Alert | None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
                return _alert(json.loads(self.rfile.read(max(0, min(length, LONGEST)))))
            except (ValueError, TypeError, AttributeError):
                log.error("An automation sent something that is no alert.")
                return None

        def log_message(self, format: str, *args: object) -> None:
            """Its lines would hold the path, which is the secret."""

    return Listener
