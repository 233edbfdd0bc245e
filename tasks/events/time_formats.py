"""How times are written, guessed: each form that a mapping can say is tried on a sample, and the best is kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import duckdb

from tasks.events.clock import Clock
from tasks.events.column_roles import SampledColumn
from tasks.events.formats.sections import TimeForm
from tasks.events.formats.times import seconds

_ANY = Clock((), 0)
"""A guess needs no timezone."""

_DATES = ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%d-%b-%Y", "%d.%m.%y")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H%M%S", "%H:%M:%S.%f", "%I:%M:%S %p")
_DATE_FORMS = frozenset({"99.99.9999", "9999-99-99", "99/99/9999", "9999/99/99", "99-99-9999", "99999999", "99.99.99"})
_CLOCK_FORMS = frozenset({"99:99:99", "99:99", "999999", "99999", "9:99:99", "9:99"})
_COUNTED, _WRITTEN = "BETWEEN 946684800 AND 4102444800", "BETWEEN -2208988800 AND 4102444800"
"""UTC seconds of the years 2000 to 2099, where any number would be some time, and from 1900 on."""
_FORMS = {"Y": "9{4}", "b": "a{3}", "p": "aa", "f": "9+"} | dict.fromkeys("ymdHMSI", "9{1,2}")
"""The form of what each directive reads."""

Tried = tuple[TimeForm, tuple[SampledColumn, ...]]


@dataclass(frozen=True)
class Timed:
    """A form of times, the columns that hold them, and how many of the sample's rows it reads."""

    form: TimeForm
    columns: tuple[SampledColumn, ...]
    read: int


def event_time(
    con: duckdb.DuckDBPyConnection, singles: Sequence[SampledColumn], all_: Sequence[SampledColumn]
) -> Timed:
    """The form that reads most times of one column of `singles`, or of two of a date and a time of day."""
    dates, clocks = ([look for look in all_ if look.form in forms] for forms in (_DATE_FORMS, _CLOCK_FORMS))
    pairs = [(a, b) for a, b in product(dates, clocks) if a != b]
    tried: list[Tried] = [(form, (look,)) for look in singles for form in _forms(look)]
    tried += [
        (TimeForm(pattern=both), pair)
        for pair in pairs
        for both in product(_fitting(pair[0], _DATES), _fitting(pair[1], _CLOCKS))
    ]
    return _best(con, tried, [seconds(form, [look.column for look in looks], _ANY) for form, looks in tried])


def register_time(con: duckdb.DuckDBPyConnection, look: SampledColumn) -> Timed:
    """The form that reads most times of a register's column, in which a date alone is its first instant."""
    alone = [TimeForm(pattern=(each,)) for each in _fitting(look, _DATES)]
    tried: list[Tried] = [(form, (look,)) for form in (*_forms(look), *alone)]
    plain = _ANY.seconds(*_ANY.midnight(look.column.written(), look.column.type))
    forms = [form for form, _ in tried]
    return _best(con, tried, [plain if form == TimeForm() else seconds(form, [look.column], _ANY) for form in forms])


def _forms(look: SampledColumn) -> list[TimeForm]:
    """What one column may hold: ISO 8601 or timestamps, a pattern, or a count since 1970."""
    if "TIME" in look.column.type or look.column.type in ("DATE", "INT96"):
        return [TimeForm()]
    both = [f"{date}{sign}{clock}" for date, clock, sign in product(_DATES, _CLOCKS, (" ", "T", ""))]
    whole = [TimeForm(pattern=(each,)) for each in _fitting(look, both)]
    counted = [TimeForm(unit="s"), TimeForm(unit="ms"), TimeForm(unit="us"), TimeForm(unit="ns")]
    return [TimeForm(), *whole, *counted] if look.column.type == "VARCHAR" else counted


def _fitting(look: SampledColumn, patterns: Sequence[str]) -> list[str]:
    """Patterns that can read the commonest form of a column."""
    return [pattern for pattern in patterns if re.fullmatch(_regex(pattern), look.form or "")]


def _regex(pattern: str) -> str:
    first, *rest = pattern.split("%")
    signs = (_FORMS[part[0]] + re.escape(part[1:].replace("T", "a")) for part in rest)
    return re.escape(first) + "".join(signs)


def _best(con: duckdb.DuckDBPyConnection, tried: Sequence[Tried], read: Sequence[str]) -> Timed:
    """The first of those that read most rows as plausible times."""
    if not tried:
        return Timed(TimeForm(), (), 0)
    plausible = [_COUNTED if form.unit else _WRITTEN for form, _ in tried]
    counts = ", ".join(f"count(*) FILTER (({sql}) {years})" for sql, years in zip(read, plausible, strict=True))
    found = con.execute(f"SELECT {counts} FROM sampled").fetchall()[0]
    best = max(range(len(tried)), key=lambda place: found[place])
    return Timed(*tried[best], found[best])
