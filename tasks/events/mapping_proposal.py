"""A mapping that is proposed for a file: text to put into formats.toml, which this version reads."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from tasks.events.column_roles import COMMA, SampledColumn
from tasks.events.formats.sections import Ids, Layout, TimeForm
from tasks.events.time_formats import Timed

_NUMBERS = ("cell", "ci", "cid", "eci")
"""Names of a cell's number within its area; other names are of an id that is complete."""
_PLACE = ("latitude", "longitude")
OWN = "own"
"""The proposed format's name."""


def events(layout: Layout, roles: Mapping[str, SampledColumn], timed: Timed) -> str:
    """An event format."""
    time = {"column": _one_or_many([look.name for look in timed.columns])} | _time(timed.form)
    lines = [*_layout(layout), f"subscriber = {_value(roles['subscriber'].name)}", f"time = {_table(time)}"]
    return _section("events", [*lines, f"cell = {_table(_cell(roles))}", *_decimal(roles, "cell" not in roles)])


def cells(layout: Layout, roles: Mapping[str, SampledColumn], form: TimeForm) -> str:
    """A format of the cell plan."""
    keys = [key for key in ("latitude", "longitude", "valid_from", "valid_to") if key in roles]
    names = [f"{key} = {_value(roles[key].name)}" for key in keys]
    own = f"id = {_table(_cell(roles))}"
    return _section("cells", [*_layout(layout), own, *names, *_decimal(roles, True), *_optional("time", _time(form))])


def register(
    kind: str,
    layout: Layout,
    roles: Mapping[str, SampledColumn],
    form: TimeForm,
    words: Mapping[str, Mapping[str, str]],
) -> str:
    """A format of subscribers or consents: other names of columns, other words in them."""
    columns = {("subscriber_id" if role == "subscriber" else role): look.name for role, look in roles.items()}
    other = {key: name for key, name in columns.items() if key != name}
    lines = [*_layout(layout), *_optional("columns", other), *_optional("time", _time(form))]
    return _section(kind, [*lines, *(f"values.{column} = {_table(each)}" for column, each in words.items())])


def ids(rule: Ids) -> str:
    """How subscriber ids are compared."""
    standard = Ids()
    given = {key: getattr(rule, key) for key in ("case", "binary") if getattr(rule, key) != getattr(standard, key)}
    lines = [f"{key} = {_value(value)}" for key, value in given.items()]
    return "\n".join(["[ids]", *lines, *_optional("prefixes", rule.prefixes), ""])


def together(proposals: Sequence[str]) -> str:
    """One mapping of several proposals; of the same kind, those that differ get names of their own."""
    found: dict[str, str] = {}
    for text in dict.fromkeys(filter(None, proposals)):
        head, _, rest = text.partition("\n")
        name, number = head, 1
        if name == "[ids]" and name in found:  # one rule holds for all files
            continue
        while name in found:
            number += 1
            name = head.replace(f".{OWN}]", f".{OWN}-{number}]")
        found[name] = rest
    return "\n".join(f"{name}\n{rest}" for name, rest in found.items())


def key_parts(roles: Mapping[str, SampledColumn]) -> tuple[str, ...]:
    """The roles whose values make a cell's id: alone, or with its area; country and network only where they differ."""
    if "area" not in roles or roles["cell"].name.casefold() not in _NUMBERS:
        return ("cell",)
    return (*(role for role in ("mcc", "net") if role in roles and roles[role].distinct > 1), "area", "cell")


def _section(kind: str, lines: Sequence[str]) -> str:
    return "\n".join([f"[{kind}.{OWN}]", *lines, ""])


def _layout(layout: Layout) -> Iterator[str]:
    """What differs from the default layout."""
    standard = Layout()
    for key in ("suffixes", "separator", "header", "names"):
        value = getattr(layout, key)
        if value != getattr(standard, key):
            yield f"{key} = {_value(value)}"


def _cell(roles: Mapping[str, SampledColumn]) -> dict[str, object]:
    """One column, the parts of a key, or the nearest cell to coordinates."""
    if "cell" not in roles:
        return {key: roles[key].name for key in _PLACE}
    names = [roles[role].name for role in key_parts(roles)]
    return {"column": names if len(names) > 1 else names[0]}


def _decimal(roles: Mapping[str, SampledColumn], placed: bool) -> Iterator[str]:
    if placed and decimal(roles) == ",":
        yield 'decimal = ","'


def decimal(roles: Mapping[str, SampledColumn]) -> str:
    """The sign before the fraction of the coordinates."""
    return "," if any(key in roles and COMMA.fullmatch(roles[key].form or "") for key in _PLACE) else "."


def _time(form: TimeForm) -> dict[str, object]:
    found: dict[str, object] = {"pattern": _one_or_many(form.pattern)} if form.pattern else {}
    return found | {key: getattr(form, key) for key in ("unit", "zone") if getattr(form, key)}


def _one_or_many(values: Sequence[str]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _optional(key: str, table: Mapping[str, object]) -> Iterator[str]:
    if table:
        yield f"{key} = {_table(table)}"


def _table(table: Mapping[str, object]) -> str:
    if list(table) == ["column"]:
        return _value(table["column"])
    return "{ " + ", ".join(f"{_key(key)} = {_value(value)}" for key, value in table.items()) + " }"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    """A TOML value: JSON's texts, lists and booleans are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
