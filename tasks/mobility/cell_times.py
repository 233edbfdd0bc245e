"""Times of cells as a mapping says they are written, brought to ISO 8601 text or timestamps with a timezone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

import pyarrow as pa
import pyarrow.compute as pc

from tasks.events.formats.sections import TimeForm

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_HOURS = ("%H", "%I")


def read_as(column: pa.ChunkedArray, form: TimeForm, *, int96: bool) -> pa.ChunkedArray:
    """The column as the form means it; what is not of the form stays as it is."""
    if form.pattern:
        return _each(column, lambda text: _parsed(text, form))
    if form.unit:
        return _each(column, lambda text: _counted(text, _UNITS[str(form.unit)]))
    zone = "UTC" if int96 and form.int96 == "utc" else form.zone
    if zone and pa.types.is_timestamp(column.type) and column.type.tz is None:
        return pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="earliest")
    if zone and pa.types.is_string(column.type):
        return _each(column, lambda text: _zoned(datetime.fromisoformat(text), form.timezone))
    return column


def inclusive(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The end after an end that still belongs to the validity: the next day after a date alone, else a second on."""
    if pa.types.is_timestamp(column.type):
        return pc.add(column, pa.scalar(timedelta(seconds=1), pa.duration(column.type.unit)))
    return _each(column, _next)


def _each(column: pa.ChunkedArray, read: Callable[[str], str]) -> pa.ChunkedArray:
    """Few values differ, so each is read once."""
    coded = pa.chunked_array([column.cast(pa.string()).combine_chunks()]).combine_chunks().dictionary_encode()
    values = pa.array(
        [_try(read, text.strip()) if text and text.strip() else text for text in coded.dictionary.to_pylist()],
        pa.string(),
    )
    return pa.chunked_array([pa.DictionaryArray.from_arrays(coded.indices, values).dictionary_decode()])


def _try(read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except (ValueError, OverflowError):
        return text


def _parsed(text: str, form: TimeForm) -> str:
    pattern = form.pattern[0]
    time = datetime.strptime(text, pattern)
    if not any(hour in pattern for hour in _HOURS):
        return time.date().isoformat()
    return _zoned(time, form.timezone)


def _zoned(time: datetime, zone: tzinfo | None) -> str:
    return (time.replace(tzinfo=zone) if zone and time.tzinfo is None else time).isoformat()


def _counted(text: str, unit: int) -> str:
    return datetime.fromtimestamp(int(text) / unit, UTC).isoformat()


def _next(text: str) -> str:
    """The last day that a calendar has is followed by none: such an end is open."""
    if len(text) > len("2026-01-01"):
        return (datetime.fromisoformat(text) + timedelta(seconds=1)).isoformat()
    day = date.fromisoformat(text)
    return "" if day == date.max else (day + timedelta(days=1)).isoformat()
