"""Times as a mapping says they are written, in SQL: a pattern, a count since 1970, or ISO 8601 and timestamps."""

from collections.abc import Sequence

from tasks.events.clock import Clock
from tasks.events.formats.columns import INT96, Column, Kind, literal
from tasks.events.formats.sections import TimeForm

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}


def kind_of(form: TimeForm) -> Kind:
    """The types in which such a time may come."""
    return Kind.COUNT if form.unit else Kind.WRITTEN if form.pattern else Kind.TIME


def given(columns: Sequence[Column]) -> str:
    """SQL: there is a time."""
    return " AND ".join(column.given() for column in columns)


def micros(form: TimeForm, columns: Sequence[Column]) -> str | None:
    """SQL of the instant, if the file holds instants in microseconds."""
    if form.unit or form.pattern or len(columns) > 1:
        return None
    instants = ("TIMESTAMP WITH TIME ZONE", *([INT96] if form.int96 == "utc" else []))
    return columns[0].sql if columns[0].type in instants else None


def seconds(form: TimeForm, columns: Sequence[Column], clock: Clock) -> str:
    """SQL of whole UTC seconds, NULL where there is no time; `clock`: of times without offset."""
    if form.unit:
        return _counted(columns[0], _UNITS[form.unit])
    if form.pattern:
        return _parsed(form.pattern, columns, clock)
    if len(columns) > 1:
        return clock.seconds(_joined([column.text() for column in columns]), "VARCHAR")
    if columns[0].type == INT96:
        return clock.seconds(columns[0].sql, "TIMESTAMP WITH TIME ZONE" if form.int96 == "utc" else "TIMESTAMP")
    return columns[0].seconds(clock)


def _counted(column: Column, unit: int) -> str:
    if column.type in ("VARCHAR", "BLOB"):
        digits = f"regexp_extract({column.text()}, '^\\s*([0-9]{{1,19}})(\\.[0-9]*)?\\s*$', 1)"
        return f"(TRY_CAST({digits} AS BIGINT) // {unit})"
    number = f"TRY_CAST(floor({column.sql}) AS BIGINT)" if column.type in ("FLOAT", "DOUBLE") else column.whole()
    return f"({number} // {unit})"


def _parsed(patterns: Sequence[str], columns: Sequence[Column], clock: Clock) -> str:
    """By its pattern; DuckDB takes %z as an offset that makes an instant."""
    texts = [_padded(column.text(), pattern) for column, pattern in zip(columns, patterns, strict=True)]
    pattern = " ".join(patterns)
    type_ = "TIMESTAMP WITH TIME ZONE" if "%z" in pattern else "TIMESTAMP"
    return clock.seconds(f"try_strptime({_joined(texts)}, {literal(pattern)})", type_)


def _padded(text: str, pattern: str) -> str:
    """A time of digits alone, such as 93000, gets the zeros that a number has lost: 093000."""
    directives = pattern.split("%")[1:]
    if pattern.replace("%", "") != "".join(directives) or not all(each in _DIGITS for each in directives):
        return text
    width = sum(_DIGITS[each] for each in directives)
    short = f"regexp_full_match({text}, '[0-9]{{1,{width - 1}}}')"
    return f"(CASE WHEN {short} THEN lpad({text}, {width}, '0') ELSE {text} END)"


def _joined(texts: Sequence[str]) -> str:
    return "(" + " || ' ' || ".join(texts) + ")"
