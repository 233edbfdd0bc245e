"""Inspection of the cell plan and of the registers: which columns are theirs, and which values would be read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import mapping_proposal
from tasks.events.column_roles import SampledColumn, by_name
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import literal
from tasks.events.formats.detect import by_format
from tasks.events.formats.registers import names as names_of
from tasks.events.formats.sections import CellFormat, RegisterFormat, TimeForm
from tasks.events.inspection import Inspection, Opened, Reading, opened
from tasks.events.plan_rules import ATTRIBUTES, with_point
from tasks.events.time_formats import Timed, register_time
from tasks.events.value_shapes import LEAST

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subscribers": ("subscriber", "birth_year", "gender", "segment", "home_mcc", "active_from"),
    "consents": ("subscriber", "purpose", "granted_at", "withdrawn_at", "channel", "text_version"),
    "cells": ("cell", "latitude", "longitude", "valid_from", "valid_to", "area", "net", "mcc", *ATTRIBUTES),
}
_OPTIONAL = frozenset({"active_from", "valid_from", "valid_to", "area", "net", "mcc", *ATTRIBUTES})
_PARTS = ("area", "net", "mcc")
"""Roles that are read only as parts of a cell's id."""
_TIMES = ("active_from", "granted_at", "withdrawn_at", "valid_from", "valid_to")
Words = Mapping[str, Mapping[str, str]]
_WORDS: Words = {
    "gender": {
        "f": "female w weiblich woman frau",
        "m": "male man mann maennlich männlich",
        "x": "d divers diverse other unknown u n",
    },
    "segment": {
        "consumer": "private residential b2c privat privatkunde prepaid postpaid",
        "business": "b2b corporate enterprise company soho geschaeft geschäft geschäftlich geschäftskunde firma",
        "iot": "m2m machine telematics",
    },
}
"""Known words of others for Throng's words."""
_ANY_CASE = frozenset({"gender"})
"""Of all other words the reader takes Throng's exactly as they are."""
_NUMBERS = {
    "birth_year": "BETWEEN 1900 AND 2100",
    "home_mcc": "BETWEEN 200 AND 799",
    "latitude": "BETWEEN -90 AND 90",
    "longitude": "BETWEEN -180 AND 180",
}
_UNITS = "Check the units of `attributes`: degrees, metres, and watts of the transmitter (no dBm, no EIRP)."
_OWN = {"subscriber": "subscriber_id", "cell": "cell_id"}
"""Throng's name of a role, where it differs."""


def inspect_register(path: Path, kind: str, purpose: str, zone: ZoneInfo, formats: Formats) -> Inspection:
    """Look at a sample of `subscribers`, `consents` or `cells`; raises UnreadableFile if nothing can be read."""
    ours: Words = {**_WORDS, "purpose": {purpose: ""}}
    with opened(path, zone) as file:
        roles = by_name(file.usable, COLUMNS[kind])
        key = mapping_proposal.key_parts(roles)
        roles = {role: look for role, look in roles.items() if role not in _PARTS or role in key}
        lacking = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in roles and role not in _OPTIONAL]
        times = {role: register_time(file.con, roles[role]) for role in _TIMES if role in roles}
        own = _own_format(kind, [look.name for look in file.usable], formats)
        format_ = getattr(formats, kind)[own] if own else _proposed(kind, file, roles, times, ours)
        unread = _unmapped(roles, format_)
        readings = tuple(
            _reading(file, role, look, times.get(role), format_, ours)
            for role, look in roles.items()
            if role not in unread
        )
        notes = tuple(file.id_notes(roles["subscriber"])) if "subscriber" in roles else ()
        notes += tuple(_left_out(unread))
        if own or lacking:
            why = "" if own else f"it lacks {', '.join(lacking)}"
            return Inspection(kind, own, why, file.looks, readings, notes=notes, key=key)
        if known := _shipped_format(kind, format_, [look.name for look in file.usable]):
            return Inspection(kind, known, "", file.looks, readings, notes=notes, key=key)
        text = mapping_proposal.of_format(kind, format_)
        units = (_UNITS,) if getattr(format_, "attributes", {}) else ()
        return Inspection(kind, None, "", file.looks, readings, text, notes + units, key=key)


def _unmapped(roles: Mapping[str, SampledColumn], format_: CellFormat | RegisterFormat) -> dict[str, str]:
    """Antenna columns that a format does not read: it names none for their role, nor do they have Throng's name."""
    named = format_.attributes if isinstance(format_, CellFormat) else {}
    there = {role: look.name for role, look in roles.items() if role in ATTRIBUTES}
    return {role: name for role, name in there.items() if role not in named and name.casefold() != role}


def _left_out(unread: Mapping[str, str]) -> list[str]:
    said = json.dumps(list(unread.values()), ensure_ascii=False)[1:-1]
    what = f"The mapping names no `attributes` for {said}: what they say of antennas is not read."
    return [what] if unread else []


def _shipped_format(kind: str, format_: CellFormat | RegisterFormat, there: Sequence[str]) -> str | None:
    """The shipped format that reads a file of these columns as `format_` does; names are compared without case."""
    for name, each in getattr(shipped(), kind).items():
        if isinstance(each, CellFormat):
            used = {key: column for key, column in each.attributes.items() if by_format(there, (column,))}
            each = each.model_copy(update={"attributes": used})
        if _folded(each) == _folded(format_):
            return str(name)
    return None


def _folded(format_: CellFormat | RegisterFormat) -> object:
    return json.loads(format_.model_dump_json().casefold())


def _own_format(kind: str, there: Sequence[str], formats: Formats) -> str | None:
    """The operator's own format of which a file has all columns."""
    required = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in _OPTIONAL]
    for name, each in getattr(formats, kind).items():
        needed = each.needed if isinstance(each, CellFormat) else names_of(each, required).values()
        shipped_so = each in getattr(shipped(), kind).values()
        if not shipped_so and {one.casefold() for one in needed} <= {one.casefold() for one in there}:
            return str(name)
    return None


def _proposed(
    kind: str, file: Opened, roles: Mapping[str, SampledColumn], times: Mapping[str, Timed], ours: Words
) -> CellFormat | RegisterFormat:
    """A format by the names of columns, with one form for all times: that of the column in which most are read."""
    form = max(times.values(), key=lambda timed: timed.read).form if times else TimeForm()
    if kind == "cells":
        return mapping_proposal.cells(file.layout, roles, form)
    words = {role: _other_words(file, roles[role], role, ours[role]) for role in ours if role in roles}
    return mapping_proposal.register(file.layout, roles, form, words)


def _reading(
    file: Opened,
    role: str,
    look: SampledColumn,
    timed: Timed | None,
    format_: CellFormat | RegisterFormat,
    ours: Words,
) -> Reading:
    """How many rows have a value of the role that is read."""
    name, is_read = _OWN.get(role, role), f"{look.words} <> ''"
    if timed:
        given = file.count(look.column.given())
        return Reading(name, timed.read, given, look.form if timed.read < given else None)
    if role in ATTRIBUTES:
        is_read = _fits(file, role, look, getattr(format_, "decimal", "."))
    if role in _NUMBERS:
        is_read = f"{look.column.number(getattr(format_, 'decimal', '.'))} {_NUMBERS[role]}"
    if role in ours and isinstance(format_, RegisterFormat):
        any_case = f"lower({look.words})"
        is_read = _is_one_of(any_case if role in _ANY_CASE else look.words, [*ours[role]])
        if others := [word.lower() for word in format_.values.get(role, {})]:
            is_read = f"({is_read} OR {_is_one_of(any_case, others)})"
    return file.reading(name, look, is_read)


def _fits(file: Opened, role: str, look: SampledColumn, decimal: str) -> str:
    """SQL: a value of an antenna's attribute that the rule of the cell plan lets pass."""
    sign, fits = decimal if look.column.type == "VARCHAR" else ".", ATTRIBUTES[role][1]
    values = file.con.execute(f"SELECT DISTINCT {look.words} FROM sampled WHERE {look.column.given()}").fetchall()
    right = [value for (value,) in values if fits(with_point(value, sign))]
    return _is_one_of(look.words, right) if right else "false"


def _other_words(file: Opened, look: SampledColumn, role: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Known words of others that enough rows have, and what they mean; Throng's own in another case, if it matters."""
    any_case = f"lower({look.words})"
    meant = {word: own for own, words in ours.items() for word in words.split()}
    found = {word: own for word, own in meant.items() if file.count(f"{any_case} = {literal(word)}") >= LEAST}
    for own in ours if role not in _ANY_CASE else ():
        other = f"{any_case} = {literal(own.lower())} AND {look.words} <> {literal(own)}"
        if file.count(other) >= LEAST:
            found[own.lower()] = own
    return found


def _is_one_of(text: str, words: Sequence[str]) -> str:
    return f"{text} IN ({', '.join(map(literal, words))})"
