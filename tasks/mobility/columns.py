"""Columns of a landed table as NumPy arrays, from any type; an error names file and column."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.errors import RejectedInput

_CORRECT = "Correct the column and land the file again."
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC).timestamp(), datetime(9998, 12, 31, tzinfo=UTC).timestamp()
"""Epochs that have a local time in every zone; times beyond are as far away as these."""
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def text(table: pa.Table, name: str, source: str) -> NDArray[np.object_]:
    """Ids of text or integers; empty where they are missing or blank. Raises RejectedInput for another type."""
    column = plain(table[name])
    if not (is_text(column.type) or pa.types.is_integer(column.type) or pa.types.is_binary(column.type)):
        raise _wrong(source, name, column.type, "text")
    try:
        values = column.cast(pa.string())
    except pa.ArrowException:
        raise RejectedInput(f"{source}: {name} is not UTF-8 text in every row.", _CORRECT, "cells.not_utf8") from None
    return np.asarray(values.fill_null(""), object)


def degrees(table: pa.Table, name: str, source: str, decimal: str = ".") -> NDArray[np.float64]:
    """Degrees of numbers or of text, NaN where they are missing; `decimal`: the sign before a text's fraction."""
    column = plain(table[name])
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not (number or is_text(kind) or pa.types.is_null(kind)):
        raise _wrong(source, name, kind, "a number")
    if is_text(kind) and decimal == ",":
        column = _with_points(column)
    try:
        return np.asarray(column.cast(pa.float64()), np.float64)
    except pa.ArrowException:
        raise _no_number(f"{source}: {name}", column, decimal) from None


def _with_points(column: pa.Array) -> pa.Array:
    """Points for commas and commas for points, so that a number with a point is none."""
    swapped = pc.replace_substring(pc.replace_substring(column, ".", "\0"), ",", ".")
    return pc.replace_substring(swapped, "\0", ",")


def _no_number(where: str, column: pa.Array, decimal: str) -> RejectedInput:
    """What cannot be read has commas, or points for which commas were put above."""
    if is_text(column.type) and pc.any(pc.match_substring(column, ",")).as_py():
        other = "," if decimal == "." else "."
        action = f'Let the mapping say it: `decimal = "{other}"` in [cells.NAME]; `throng inspect` proposes it.'
        return RejectedInput(f"{where} is written with `{other}` before the fraction.", action, "cells.decimal_comma")
    return RejectedInput(f"{where} is not a number in every row.", _CORRECT, "cells.not_a_number")


def epochs(table: pa.Table, name: str, zone: ZoneInfo, empty: float, source: str) -> NDArray[np.float64]:
    """Epoch seconds of dates, timestamps or ISO 8601 text, NaN for other text; without an offset in `zone`."""
    column = plain(table[name])
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return _of_timestamps(column, zone, empty)
    if is_text(kind) or pa.types.is_null(kind):
        return _of_text(column.cast(pa.string()), zone, empty)
    raise _wrong(source, name, kind, "an ISO 8601 time")


def plain(column: pa.ChunkedArray) -> pa.Array:
    """One array, without a dictionary."""
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _wrong(source: str, name: str, kind: pa.DataType, needed: str) -> RejectedInput:
    """The type without what is inside it: names of fields may be values."""
    return RejectedInput(
        f"{source}: {name} must be {needed}, not {str(kind).partition('<')[0]}.", _CORRECT, "cells.wrong_type"
    )


def _of_timestamps(column: pa.Array, zone: ZoneInfo, empty: float) -> NDArray[np.float64]:
    """Through integers, because Python has no nanoseconds and no year 10000."""
    ticks = column.cast(pa.int64())
    seconds = np.asarray(ticks.fill_null(0)) / _TICKS[column.type.unit]
    if column.type.tz is None:
        clipped, where = np.unique(np.clip(seconds, _EARLIEST, _LATEST), return_inverse=True)
        offsets = np.array([_offset(epoch, zone) for epoch in clipped])
        seconds = seconds - offsets[where]
    return np.where(np.asarray(ticks.is_null()), empty, seconds)


def _offset(local: float, zone: ZoneInfo) -> float:
    """Seconds by which the zone is ahead of UTC at a local time, which is given as if it were UTC."""
    naive = datetime.fromtimestamp(local, UTC).replace(tzinfo=zone)
    return local - naive.timestamp()


def _of_text(column: pa.Array, zone: ZoneInfo, empty: float) -> NDArray[np.float64]:
    """Few values differ, so each is read once."""
    coded = column.dictionary_encode(null_encoding="encode")
    values = np.array([_epoch(value, zone, empty) for value in coded.dictionary.to_pylist()], np.float64)
    found: NDArray[np.float64] = values[np.asarray(coded.indices)]
    return found


def _epoch(value: str | None, zone: ZoneInfo, empty: float) -> float:
    if value is None or not value.strip():
        return empty
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=zone)).timestamp()
    except ValueError:
        return np.nan
