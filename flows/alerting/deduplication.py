"""What was told when, so that an alert that stands for days is told once a day."""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.alerts import Alert

SILENCE = timedelta(hours=23)
"""Less than a day: a run that is a little earlier today than yesterday must not make it every other day."""

log = logging.getLogger("throng.alerts")


class Deduplicator:
    """A small file; one that is damaged or lost only means that something is told twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = self._read()

    def fresh(self, channel: str, alert: Alert, now: datetime) -> bool:
        """Whether the channel was not told of this kind and subject within a day."""
        last = self._told.get(_key(channel, alert))
        return last is None or now - last >= SILENCE

    def remember(self, channel: str, alerts: Iterable[Alert], now: datetime) -> None:
        """Keep that the channel was told, and forget what is older than a day."""
        self._told |= {_key(channel, alert): now for alert in alerts}
        self._told = {key: at for key, at in self._told.items() if now - at < SILENCE}
        content = json.dumps({key: at.isoformat() for key, at in self._told.items()}, indent=1)
        unfinished = self._path.with_suffix(".unfinished")
        try:
            unfinished.touch(mode=0o600)
            unfinished.write_text(content)
            unfinished.replace(self._path)
        except OSError as error:
            log.error("What was told cannot be kept (%s); after a restart it is told again.", type(error).__name__)

    def _read(self) -> dict[str, datetime]:
        with suppress(OSError, ValueError, AttributeError, TypeError):
            return {
                key: datetime.fromisoformat(at).astimezone(UTC)
                for key, at in json.loads(self._path.read_text()).items()
            }
        return {}


def _key(channel: str, alert: Alert) -> str:
    return f"{channel} {alert.kind} {alert.subject}"
