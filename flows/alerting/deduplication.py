"""When each alert was sent, so that an alert that lasts for days is sent once a day."""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.alerts import Alert
from tasks.errors import StorageUnavailable
from tasks.store.atomic_files import replace_file

SILENCE = timedelta(hours=23)
"""Less than a day: a run that is a little earlier today than yesterday must not make it every other day."""

log = logging.getLogger("throng.alerts")


class Deduplicator:
    """A small file by notifier, kind and subject; without it an alert is sent twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sent = self._read()

    def is_due(self, notifier: str, alert: Alert, now: datetime) -> bool:
        """Return whether the notifier sent nothing of this kind and subject within a day."""
        last = self._sent.get(_key(notifier, alert))
        return last is None or now - last >= SILENCE

    def record(self, notifier: str, alerts: Iterable[Alert], now: datetime) -> None:
        """Keep that the notifier sent the alerts; drop what is older than a day."""
        self._sent |= {_key(notifier, alert): now for alert in alerts}
        self._sent = {key: at for key, at in self._sent.items() if now - at < SILENCE}
        content = json.dumps({key: at.isoformat() for key, at in self._sent.items()}, indent=1)
        try:
            replace_file(self._path, content.encode())
        except StorageUnavailable as error:
            log.error("Sent alerts cannot be recorded (%s); after a restart they are sent again.", type(error).__name__)

    def _read(self) -> dict[str, datetime]:
        with suppress(OSError, ValueError, AttributeError, TypeError):
            return {
                key: datetime.fromisoformat(at).astimezone(UTC)
                for key, at in json.loads(self._path.read_text()).items()
            }
        return {}


def _key(notifier: str, alert: Alert) -> str:
    return f"{notifier} {alert.kind} {alert.subject}"
