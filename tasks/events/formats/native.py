"""Throng's own event format: ISO 8601 times with offset, or timestamps with zone."""

from tasks.events.clock import Clock
from tasks.events.formats.columns import Columns, Expressions, Kind

COLUMNS = {"subscriber_id": Kind.TEXT, "event_at": Kind.TIME, "cell_id": Kind.TEXT, "event_type": Kind.TEXT}


def expressions(columns: Columns, clock: Clock) -> Expressions:
    """What reading needs of a native row."""
    return Expressions(
        subscriber=columns["subscriber_id"].text(),
        has_time=columns["event_at"].given(),
        seconds=columns["event_at"].seconds(clock),
        micros=columns["event_at"].micros(),
        cell=columns["cell_id"].text(),
    )
