"""FlowKit's call, SMS and data records, as FlowETL takes them in."""

from tasks.events.clock import Clock
from tasks.events.formats.columns import Columns, Expressions, Kind

COLUMNS = {"msisdn": Kind.TEXT, "datetime": Kind.TIME}
OPTIONAL = {"location_id": Kind.TEXT}


def expressions(columns: Columns, clock: Clock) -> Expressions:
    """What reading needs of a record; the location may be absent as a column, and is the cell."""
    return Expressions(
        subscriber=columns["msisdn"].text(),
        has_time=columns["datetime"].given(),
        seconds=columns["datetime"].seconds(clock),
        micros=columns["datetime"].micros(),
        cell=columns["location_id"].text() if "location_id" in columns else "NULL::VARCHAR",
    )
