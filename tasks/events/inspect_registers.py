"""Inspection of the cell plan and of the registers: which columns are theirs, and which values would be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import mapping_proposal
from tasks.events.column_roles import SampledColumn, by_name
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import literal
from tasks.events.formats.registers import names as names_of
from tasks.events.formats.sections import CellFormat, RegisterFormat, TimeForm
from tasks.events.inspection import Inspection, Opened, Reading, opened
from tasks.events.time_formats import Timed, register_time
from tasks.events.value_shapes import LEAST

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subscribers": ("subscriber", "birth_year", "gender", "segment", "home_mcc", "active_from"),
    "consents": ("subscriber", "purpose", "granted_at", "withdrawn_at", "channel", "text_version"),
    "cells": ("cell", "latitude", "longitude", "valid_from", "valid_to", "area", "net", "mcc"),
}
_OPTIONAL = frozenset({"active_from", "valid_from", "valid_to", "area", "net", "mcc"})
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
        readings = tuple(_reading(file, role, look, times.get(role), format_, ours) for role, look in roles.items())
        notes = tuple(file.id_notes(roles["subscriber"])) if "subscriber" in roles else ()
        if own or lacking:
            why = "" if own else f"it lacks {', '.join(lacking)}"
            return Inspection(kind, own, why, file.looks, readings, notes=notes, key=key)
        if format_ in getattr(shipped(), kind).values():
            return Inspection(kind, kind, "", file.looks, readings, notes=notes, key=key)
        text = mapping_proposal.of_format(kind, format_)
        return Inspection(kind, None, "", file.looks, readings, text, notes, key=key)


def _own_format(kind: str, there: Sequence[str], formats: Formats) -> str | None:
    """The operator's own format of which a file has all columns."""
    required = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in _OPTIONAL]
    for name, each in getattr(formats, kind).items():
        cells = isinstance(each, CellFormat)
        needed = (*each.id.column, each.latitude, each.longitude) if cells else names_of(each, required).values()
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
    if role in _NUMBERS:
        is_read = f"{look.column.number(getattr(format_, 'decimal', '.'))} {_NUMBERS[role]}"
    if role in ours and isinstance(format_, RegisterFormat):
        any_case = f"lower({look.words})"
        is_read = _is_one_of(any_case if role in _ANY_CASE else look.words, [*ours[role]])
        if others := [word.lower() for word in format_.values.get(role, {})]:
            is_read = f"({is_read} OR {_is_one_of(any_case, others)})"
    return file.reading(name, look, is_read)


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
