"""Inspection of the cell plan and of the registers: which columns are theirs, and which values would be read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import proposal
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import literal, trimmed
from tasks.events.formats.registers import names as names_of
from tasks.events.formats.sections import TimeForm
from tasks.events.forms import LEAST
from tasks.events.inspection import Inspection, Opened, Reading, opened
from tasks.events.roles import Look, by_name
from tasks.events.time_forms import Timed, register_time

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subscribers": ("subscriber", "birth_year", "gender", "segment", "home_mcc", "active_from"),
    "consents": ("subscriber", "purpose", "granted_at", "withdrawn_at", "channel", "text_version"),
    "cells": ("cell", "latitude", "longitude", "valid_from", "valid_to", "area", "net", "mcc"),
}
_OPTIONAL = frozenset({"active_from", "valid_from", "valid_to", "area", "net", "mcc"})
_TIMES = ("active_from", "granted_at", "withdrawn_at", "valid_from", "valid_to")
_WORDS: Mapping[str, Mapping[str, str]] = {
    "gender": {
        "f": "female w weiblich woman frau",
        "m": "male man mann maennlich männlich",
        "x": "d divers diverse other unknown u n",
    },
    "segment": {
        "consumer": "private residential b2c privat privatkunde prepaid postpaid",
        "business": "b2b corporate enterprise company geschaeft geschäftskunde",
        "iot": "m2m machine telematics",
    },
}
"""Known words of others for Throng's words."""
_NUMBERS = {
    "birth_year": "BETWEEN 1900 AND 2100",
    "home_mcc": "BETWEEN 200 AND 799",
    "latitude": "BETWEEN -90 AND 90",
    "longitude": "BETWEEN -180 AND 180",
}
_OWN = {"subscriber": "subscriber_id", "cell": "cell_id"}
"""Throng's name of a role, where it differs."""


def inspect_register(path: Path, kind: str, purpose: str, zone: ZoneInfo, formats: Formats) -> Inspection:
    """Look at a sample of `subscribers`, `consents` or `cells`; raises Unfit if nothing can be read."""
    with opened(path, zone) as file:
        roles = by_name(file.usable, COLUMNS[kind])
        lacking = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in roles and role not in _OPTIONAL]
        times = {role: register_time(file.con, roles[role]) for role in _TIMES if role in roles}
        words = {role: _other_words(file, roles[role], _WORDS[role]) for role in _WORDS if role in roles}
        words |= {"purpose": _in_other_case(file, roles["purpose"], purpose)} if "purpose" in roles else {}
        readings = tuple(_reading(file, role, look, times, words, purpose) for role, look in roles.items())
        why = f"it lacks {', '.join(lacking)}" if lacking else ""
        notes = tuple(file.id_notes(roles["subscriber"])) if "subscriber" in roles else ()
        key = proposal.key_parts(roles) if "cell" in roles else ()
        found = Inspection(kind, None if lacking else kind, why, file.looks, readings, notes=notes, key=key)
        if own := _own_format(kind, [look.name for look in file.usable], formats):
            return replace(found, format=own, why_not="")
        if lacking or _is_plain(file, roles, times, words):
            return found
        return replace(found, format=None, proposal=_text(kind, file, roles, _form(times), words))


def _own_format(kind: str, names: Sequence[str], formats: Formats) -> str | None:
    """The operator's own format of which a file has all columns."""
    known = getattr(shipped(), kind)
    required = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in _OPTIONAL]
    for name, each in getattr(formats, kind).items():
        needed = (
            names_of(each, required).values() if kind != "cells" else (*each.id.column, each.latitude, each.longitude)
        )
        if known.get(name) != each and {one.casefold() for one in needed} <= {one.casefold() for one in names}:
            return str(name)
    return None


def _is_plain(
    file: Opened, roles: Mapping[str, Look], times: Mapping[str, Timed], words: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether the file is as Throng expects it without a mapping."""
    named = all(look.name == _OWN.get(role, role) for role, look in roles.items())
    return named and file.layout.separator == "," and _form(times) == TimeForm() and not any(words.values())


def _form(times: Mapping[str, Timed]) -> TimeForm:
    """One form for all times of a file: that of the column in which most are read."""
    return max(times.values(), key=lambda timed: timed.read).form if times else TimeForm()


def _text(
    kind: str, file: Opened, roles: Mapping[str, Look], form: TimeForm, words: Mapping[str, Mapping[str, str]]
) -> str:
    if kind == "cells":
        return proposal.cells(file.layout, roles, form)
    return proposal.register(kind, file.layout, roles, form, {role: each for role, each in words.items() if each})


def _reading(
    file: Opened,
    role: str,
    look: Look,
    times: Mapping[str, Timed],
    words: Mapping[str, Mapping[str, str]],
    purpose: str,
) -> Reading:
    """How many rows have a value of the role that is read."""
    name, text = _OWN.get(role, role), trimmed(f"CAST({look.column.written()} AS VARCHAR)")
    if role in times:
        timed, given = times[role], file.count(look.column.given())
        return Reading(name, timed.read, given, look.form if timed.read < given else None)
    if role == "purpose":
        return file.reading(name, look, _is_one_of(text if not words[role] else f"lower({text})", [purpose]))
    if role in words:
        return file.reading(name, look, _is_one_of(f"lower({text})", [*_WORDS[role], *words[role]]))
    if role in _NUMBERS:
        return file.reading(name, look, f"{look.column.number()} {_NUMBERS[role]}")
    return file.reading(name, look, f"{text} <> ''")


def _other_words(file: Opened, look: Look, known: Mapping[str, str]) -> dict[str, str]:
    """Known words of others that enough rows have, and what they mean."""
    text = f"lower({trimmed(f'CAST({look.column.written()} AS VARCHAR)')})"
    meant = {word: own for own, words in known.items() for word in words.split()}
    return {word: own for word, own in meant.items() if file.count(f"{text} = {literal(word)}") >= LEAST}


def _in_other_case(file: Opened, look: Look, purpose: str) -> dict[str, str]:
    """The policy's purpose, if enough rows have it in another case: consents count only for exactly this purpose."""
    text = trimmed(f"CAST({look.column.written()} AS VARCHAR)")
    other = file.count(f"lower({text}) = {literal(purpose.lower())} AND {text} <> {literal(purpose)}")
    return {purpose.lower(): purpose} if other >= LEAST else {}


def _is_one_of(text: str, words: Sequence[str]) -> str:
    return f"{text} IN ({', '.join(map(literal, words))})"
