"""A register's columns as its format maps them: Throng's names, words and times out of a file's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tasks.events.clock import TIMESTAMPS, Clock
from tasks.events.formats import times
from tasks.events.formats.columns import INT96, Column, literal, trimmed
from tasks.events.formats.detect import by_format
from tasks.events.formats.sections import RegisterFormat, TimeForm

TIMES = frozenset({"granted_at", "withdrawn_at", "active_from"})
"""The columns of registers that hold a time."""
_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)


def names(format_: RegisterFormat, wanted: Sequence[str]) -> dict[str, str]:
    """The file's name of each wanted column; columns with a constant need none."""
    return {name: format_.columns.get(name, name) for name in wanted if name not in format_.constants}


def lacking(there: Sequence[str], format_: RegisterFormat, required: Sequence[str]) -> list[str]:
    """Columns that the format needs or names, and the file lacks, as the file should call them."""
    wanted = names(format_, (*required, *format_.columns))
    found = by_format(there, tuple(wanted.values()))
    return [own for own in wanted.values() if own not in found]


def mapped(format_: RegisterFormat, columns: Mapping[str, Column], wanted: Sequence[str]) -> dict[str, Column]:
    """The wanted columns that are there, by Throng's names; a constant is for a column that is not there."""
    own = {name: format_.columns.get(name, name) for name in wanted}
    found = by_format(tuple(columns), tuple(own.values()))
    there = {name: columns[found[of]] for name, of in own.items() if of in found}
    there = {name: replace(column, null_words=format_.null_words) for name, column in there.items()}
    constants = {name: Column(literal(value), "VARCHAR") for name, value in format_.constants.items() if name in wanted}
    return constants | {name: _read(name, column, format_) for name, column in there.items()}


def _read(name: str, column: Column, format_: RegisterFormat) -> Column:
    if name in TIMES:
        return _time(format_.time, column)
    words = format_.values.get(name)
    if not words:
        return column
    text = column.text()
    said = " ".join(f"WHEN {literal(old.lower())} THEN {literal(new)}" for old, new in words.items())
    return Column(f"(CASE lower({trimmed(text)}) {said} ELSE {text} END)", "VARCHAR")


def _time(form: TimeForm, column: Column) -> Column:
    """A time as ISO 8601 text; what cannot be read stays as it is: it must not look like no value."""
    if form.pattern:
        return _parsed(form, column)
    if form.unit or (column.type == INT96 and form.int96 == "utc"):
        return _instant(times.seconds(form, [column], _clock(form.timezone)), column)
    if column.type == INT96:
        return Column(column.sql, "TIMESTAMP")
    if column.type == "DOUBLE":
        return Column(_unread(column), "VARCHAR")
    if form.zone is None or column.type not in TIMESTAMPS | {"VARCHAR"}:
        return column  # a date alone too: it counts from the next day of the landing's clock
    return _instant(column.seconds(_clock(form.timezone)), column)


def _parsed(form: TimeForm, column: Column) -> Column:
    """A date alone stays one; a wall clock of the landing too."""
    dated = not {"%H", "%I"} & {form.pattern[0][n : n + 2] for n in range(len(form.pattern[0]))}
    if not dated and (form.zone or "%z" in form.pattern[0]):
        return _instant(times.seconds(form, [column], _clock(form.timezone)), column)
    shape = "%Y-%m-%d" if dated else "%Y-%m-%d %H:%M:%S"
    text = trimmed(column.text())
    read = f"strftime(try_strptime({text}, {literal(form.pattern[0])}), {literal(shape)})"
    return Column(f"coalesce({read}, {_unread(column)})", "VARCHAR")


def _instant(seconds: str, column: Column) -> Column:
    read = f"strftime(TRY(make_timestamp({seconds} * 1000000)), '%Y-%m-%dT%H:%M:%SZ')"
    return Column(f"coalesce({read}, {_unread(column)})", "VARCHAR")


def _unread(column: Column) -> str:
    """SQL for an unreadable time: any value may be a withdrawal."""
    return f"coalesce({column.text()}, CASE WHEN {column.given()} THEN '?' END)"


def _clock(zone: ZoneInfo | None) -> Clock:
    """The clock of times without offset that a mapping puts into a timezone of their own."""
    return Clock.over(zone or ZoneInfo("UTC"), _FIRST, _LAST)
