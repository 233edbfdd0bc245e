"""Inspection of the cell plan and of the registers: which columns are theirs, and which values would be read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from tasks.events import mapping_proposal
from tasks.events.column_roles import SampledColumn, by_name
from tasks.events.formats import Formats, shipped
from tasks.events.formats.columns import literal, trimmed
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
_WORDS: Mapping[str, Mapping[str, str]] = {
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
    with opened(path, zone) as file:
        roles = by_name(file.usable, COLUMNS[kind])
        lacking = [_OWN.get(role, role) for role in COLUMNS[kind] if role not in roles and role not in _OPTIONAL]
        times = {role: register_time(file.con, roles[role]) for role in _TIMES if role in roles}
        words = {role: _other_words(file, roles[role], role) for role in _WORDS if role in roles}
        words |= {"purpose": _in_other_case(file, roles["purpose"], purpose)} if "purpose" in roles else {}
        key = mapping_proposal.key_parts(roles) if "cell" in roles else ()
        if own := _own_format(kind, [look.name for look in file.usable], formats):
            words |= _own_words(getattr(formats, kind)[own], words)
        decimal = getattr(getattr(formats, kind).get(own), "decimal", mapping_proposal.decimal(roles))
        used = {role: look for role, look in roles.items() if role not in _PARTS or role in key}
        readings = tuple(_reading(file, role, look, times, words, purpose, decimal) for role, look in used.items())
        why = f"it lacks {', '.join(lacking)}" if lacking else ""
        notes = tuple(file.id_notes(roles["subscriber"])) if "subscriber" in roles else ()
        found = Inspection(kind, None if lacking else kind, why, file.looks, readings, notes=notes, key=key)
        if own:
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


def _own_words(format_: RegisterFormat | CellFormat, words: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """The words that the operator's mapping knows."""
    values = format_.values if isinstance(format_, RegisterFormat) else {}
    return {role: {old.lower(): new for old, new in values.get(role, {}).items()} for role in words}


def _is_plain(
    file: Opened, roles: Mapping[str, SampledColumn], times: Mapping[str, Timed], words: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether the file is as Throng expects it without a mapping."""
    named = all(look.name == _OWN.get(role, role) for role, look in roles.items())
    return (
        named
        and mapping_proposal.decimal(roles) == "."
        and file.layout.separator == ","
        and _form(times) == TimeForm()
        and not any(words.values())
    )


def _form(times: Mapping[str, Timed]) -> TimeForm:
    """One form for all times of a file: that of the column in which most are read."""
    return max(times.values(), key=lambda timed: timed.read).form if times else TimeForm()


def _text(
    kind: str, file: Opened, roles: Mapping[str, SampledColumn], form: TimeForm, words: Mapping[str, Mapping[str, str]]
) -> str:
    if kind == "cells":
        return mapping_proposal.cells(file.layout, roles, form)
    return mapping_proposal.register(
        kind, file.layout, roles, form, {role: each for role, each in words.items() if each}
    )


def _reading(
    file: Opened,
    role: str,
    look: SampledColumn,
    times: Mapping[str, Timed],
    words: Mapping[str, Mapping[str, str]],
    purpose: str,
    decimal: str,
) -> Reading:
    """How many rows have a value of the role that is read."""
    name, text = _OWN.get(role, role), trimmed(f"CAST({look.column.written()} AS VARCHAR)")
    if role in times:
        timed, given = times[role], file.count(look.column.given())
        return Reading(name, timed.read, given, look.form if timed.read < given else None)
    if role == "purpose":
        return file.reading(name, look, _is_one_of(text if not words[role] else f"lower({text})", [purpose]))
    if role in words:
        own = f"lower({text})" if role in _ANY_CASE else text
        mapped = f" OR {_is_one_of(f'lower({text})', list(words[role]))}" if words[role] else ""
        return file.reading(name, look, f"({_is_one_of(own, list(_WORDS[role]))}{mapped})")
    if role in _NUMBERS:
        return file.reading(name, look, f"{look.column.number(decimal)} {_NUMBERS[role]}")
    return file.reading(name, look, f"{text} <> ''")


def _other_words(file: Opened, look: SampledColumn, role: str) -> dict[str, str]:
    """Known words of others that enough rows have, and what they mean; Throng's own in another case, if it matters."""
    text = trimmed(f"CAST({look.column.written()} AS VARCHAR)")
    meant = {word: own for own, words in _WORDS[role].items() for word in words.split()}
    found = {word: own for word, own in meant.items() if file.count(f"lower({text}) = {literal(word)}") >= LEAST}
    for own in _WORDS[role] if role not in _ANY_CASE else ():
        found |= _in_other_case(file, look, own)
    return found


def _in_other_case(file: Opened, look: SampledColumn, word: str) -> dict[str, str]:
    """A word, such as the policy's purpose, that counts exactly as it is, if enough rows have it in another case."""
    text = trimmed(f"CAST({look.column.written()} AS VARCHAR)")
    other = file.count(f"lower({text}) = {literal(word.lower())} AND {text} <> {literal(word)}")
    return {word.lower(): word} if other >= LEAST else {}


def _is_one_of(text: str, words: Sequence[str]) -> str:
    return f"{text} IN ({', '.join(map(literal, words))})"
