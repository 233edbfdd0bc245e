"""Consent in plain Python, slow and obvious, straight from the definition; the engine in SQL must agree with it.

Times are as people write them: `2026-03-01T10:00:00Z`, or a date alone, of UTC here; anything else cannot be read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Row(NamedTuple):
    """A row of the consents file."""

    subscriber: str
    purpose: str
    granted: str
    withdrawn: str
    channel: str = "app"
    text_version: str = "v1"


def standing_since(rows: Sequence[Row], others: Sequence[str], now: datetime) -> dict[str, datetime]:
    """When the consent to `insights` that stands now began, by subscriber; who is not in it is not counted."""
    begun: dict[str, datetime] = {}
    for row in rows:
        begins = _begins(row, [other for other in rows if _alike(other) == _alike(row)], others, now)
        if begins:
            begun[row.subscriber] = min(begins, begun.get(row.subscriber, begins))
    return begun


def _begins(row: Row, history: Sequence[Row], others: Sequence[str], now: datetime) -> datetime | None:
    granted = _span(row.granted)
    if row.purpose != "insights" or not granted or {"", "none", "NULL"} & {row.channel, row.text_version}:
        return None
    first, begins = granted[0], granted[0] if granted[0] == granted[1] else granted[1] + SECOND
    if begins > now or any(_voids(other, first) for other in history if _folded(other.purpose) not in others):
        return None
    return begins


def _voids(row: Row, granted: datetime) -> bool:
    """Whether a row says, or may say, that its subscriber withdrew at or after an instant."""
    if row.withdrawn in ("", "NULL"):
        return False
    withdrawn, of = _span(row.withdrawn), _span(row.granted)
    return withdrawn is None or granted <= withdrawn[1] or (of is not None and withdrawn[1] < of[0])


def _span(text: str) -> tuple[datetime, datetime] | None:
    """The first and the last instant that a text may mean."""
    try:
        if len(text) == 10:
            first = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            last = first + DAY - SECOND
        else:
            first = last = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (first, last) if 1900 <= first.year < 3000 else None


def _folded(words: str) -> str:
    return "".join(words.lower().split())


def _alike(row: Row) -> str:
    return _folded(row.subscriber).lstrip("+0")
