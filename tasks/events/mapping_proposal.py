"""A mapping that is proposed for a file: text to put into formats.toml, which this version reads."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.events.column_roles import COMMA, SampledColumn
from tasks.events.formats import KINDS, parse
from tasks.events.formats import Mapping as FormatMapping
from tasks.events.formats.sections import CellFormat, EventFormat, Layout, RegisterFormat, Section, TimeForm
from tasks.events.plan_rules import ATTRIBUTES
from tasks.events.time_formats import Timed

_NUMBERS = ("cell", "ci", "cid", "eci")
"""Names of a cell's number within its area; other names are of an id that is complete."""
_PLACE = ("latitude", "longitude")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
OWN = "own"
"""The proposed format's name."""


def events(layout: Layout, roles: Mapping[str, SampledColumn], timed: Timed) -> EventFormat:
    """An event format: with the cell's column or parts of its key, else the nearest cell to coordinates."""
    own = {
        "subscriber": roles["subscriber"].name,
        "time": _given(timed.form) | {"column": [look.name for look in timed.columns]},
        "cell": _key(roles) if "cell" in roles else {key: roles[key].name for key in _PLACE},
        "decimal": "." if "cell" in roles else decimal(roles),
    }
    return EventFormat.model_validate(_given(layout) | own)


def cells(layout: Layout, roles: Mapping[str, SampledColumn], form: TimeForm) -> CellFormat:
    """A format of the cell plan."""
    own: dict[str, Any] = {key: roles[key].name for key in (*_PLACE, "valid_from", "valid_to") if key in roles}
    own |= {"id": _key(roles) or "cell_id", "decimal": decimal(roles), "time": _given(form)}
    own["attributes"] = {role: roles[role].name for role in ATTRIBUTES if role in roles and not _is_own(role, roles)}
    return CellFormat.model_validate(_given(layout) | own)


def register(
    layout: Layout, roles: Mapping[str, SampledColumn], form: TimeForm, words: Mapping[str, Mapping[str, str]]
) -> RegisterFormat:
    """A format of subscribers or consents: other names of columns, other words in them."""
    columns = {("subscriber_id" if role == "subscriber" else role): look.name for role, look in roles.items()}
    own = {
        "columns": {key: name for key, name in columns.items() if key != name.casefold()},
        "time": _given(form),
        "values": {column: each for column, each in words.items() if each},
    }
    return RegisterFormat.model_validate(_given(layout) | own)


def _is_own(role: str, roles: Mapping[str, SampledColumn]) -> bool:
    """Whether a column has Throng's own name of its role: the reader takes it in any case."""
    return roles[role].name.casefold() == role


def key_parts(roles: Mapping[str, SampledColumn]) -> tuple[str, ...]:
    """The roles whose values make a cell's id: alone, or with its area; country and network only where they differ."""
    if "cell" not in roles:
        return ()
    if "area" not in roles or roles["cell"].name.casefold() not in _NUMBERS:
        return ("cell",)
    return (*(role for role in ("mcc", "net") if role in roles and roles[role].distinct > 1), "area", "cell")


def decimal(roles: Mapping[str, SampledColumn]) -> str:
    """The sign before the fraction of the coordinates."""
    return "," if any(key in roles and COMMA.fullmatch(roles[key].form or "") for key in _PLACE) else "."


def of_format(kind: str, format_: Section) -> str:
    """The mapping of one format."""
    return written(FormatMapping.model_validate({kind: {OWN: format_}}))


def together(proposals: Iterable[str]) -> str:
    """One mapping of several; formats of one kind that differ get names of their own, one rule of ids holds for all."""
    formats: dict[str, dict[str, Section]] = {kind: {} for kind in KINDS}
    tables: dict[str, Section] = {}
    for each in (parse(text.encode(), "the proposal") for text in proposals):
        for kind, known in formats.items():
            for format_ in getattr(each, kind).values():
                if format_ not in known.values():
                    known[f"{OWN}-{len(known) + 1}" if known else OWN] = format_
        tables = {name: getattr(each, name) for name in each.model_fields_set - formats.keys()} | tables
    return written(FormatMapping.model_validate({**formats, **tables}))


def written(mapping: FormatMapping) -> str:
    """A mapping as TOML, without what is so by default."""
    tables = {kind: each for kind, each in _given(mapping).items() if kind not in KINDS}
    tables |= {f"{kind}.{name}": _given(each) for kind in KINDS for name, each in getattr(mapping, kind).items()}
    return "\n".join(
        "".join([f"[{name}]\n", *(f"{key} = {_value(value)}\n" for key, value in table.items())])
        for name, table in tables.items()
    )


def _given(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_defaults=True)


def _key(roles: Mapping[str, SampledColumn]) -> list[str]:
    return [roles[role].name for role in key_parts(roles)]


def _value(value: object) -> str:
    """A TOML value: JSON's texts, lists and booleans are TOML's too."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    one_or_many = {key: each[0] if isinstance(each, tuple) and len(each) == 1 else each for key, each in value.items()}
    if [*value] == ["column"]:
        return _value(one_or_many["column"])
    pairs = (f"{key if _BARE.fullmatch(key) else _value(key)} = {_value(each)}" for key, each in one_or_many.items())
    return f"{{ {', '.join(pairs)} }}"
