"""What is wrong in a policy, key by key, and what to do about each fault: by the shipped policy and the known keys."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tasks.policy import Policy

NEAR = 0.7
"""How like another key a key must be to be taken for a slip: 0 not at all, 1 the same."""
_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice \(at line (\d+)")


@dataclass(frozen=True, order=True)
class Fault:
    """One fault, and what to do."""

    what: str
    advice: str


def unknown(section: str, name: str, known: Collection[str], why: str = "") -> Fault:
    """A key that the section does not have; `known`: those that it has."""
    key, near = _joined(section, name), get_close_matches(name, known, 1, NEAR)
    way = f"Rename it to {near[0]}, or remove it" if near else f"Remove it. Known here: {', '.join(sorted(known))}"
    advice = f"{key}: {way if known else 'Remove it'}."
    return Fault(f"{key} is not known{why}", advice)


def missing(section: str, name: str, shipped: Mapping[str, Any], keys: Sequence[str] = ()) -> Fault:
    """A key that the section lacks; or a section, with its `keys` in case the shipped policy has no such section."""
    value, key = _at(shipped, f"{section}.{name}"), _joined(section, name)
    if isinstance(value, Mapping):
        return Fault(f"{key} is missing", f"Add, as shipped: {'; '.join(_sections(key, value))}.")
    if value is None and keys:
        return Fault(f"{key} is missing", f"Add the section [{key}] with {', '.join(keys[:-1])} and {keys[-1]}.")
    if value is None:
        return Fault(f"{key} is missing", f"Add {name} to [{section}].")
    return Fault(f"{key} is missing", f"Add `{name} = {_shown(value)}`, as shipped, to {_place(section)}.")


def wrong(key: str, why: str, shipped: Mapping[str, Any]) -> Fault:
    """A value that cannot be."""
    value = _at(shipped, key)
    usual = "" if value is None or isinstance(value, Mapping) else f" The shipped policy has {_shown(value)}."
    return Fault(f"{key}: {why}", f"Correct {key}.{usual}")


def of_values(error: ValidationError, shipped: Mapping[str, Any], apart: Collection[str]) -> Iterator[Fault]:
    """Faults of keys and values; without those in sections that are to be removed or renamed, `apart`."""
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"]))
        if not any(f"{key}.".startswith(f"{section}.") for section in apart):
            yield _of_value(fault, shipped)


def _of_value(fault: ErrorDetails, shipped: Mapping[str, Any]) -> Fault:
    *section, name = [str(part) for part in fault["loc"] if part != ""] or ["the policy"]
    if fault["type"] == "missing":
        return missing(".".join(section), name, shipped)
    if fault["type"] == "extra_forbidden":
        return unknown(".".join(section), name, _known(section))
    return wrong(".".join([*section, name]), fault["msg"].removeprefix("Value error, "), shipped)


def _known(section: Collection[str]) -> Collection[str]:
    """The keys of a section, as they are declared."""
    model: Any = Policy
    for name in section:
        model = model.model_fields[name].annotation if _is_model(model) else model
    return tuple(_inner(model).model_fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inner(kind: Any) -> Any:
    """A section, or what a dictionary of sections holds in the end."""
    while args := get_args(kind):
        kind = args[0] if hasattr(kind, "__metadata__") else args[-1]
    return kind


def twice(error: Exception) -> Fault | None:
    """A section that the file has twice, if that is why it cannot be read."""
    found = _TWICE.search(str(error))
    if not found:
        return None
    section = ".".join(re.findall(r"'([^']*)'", found[1]))
    return Fault(f"[{section}] is there twice, the second time in line {found[2]}", f"Remove one [{section}].")


def _joined(section: str, name: str) -> str:
    return ".".join(part for part in (section, name) if part)


def _place(section: str) -> str:
    return f"[{section}]" if section else "the top of the file"


def _at(shipped: Mapping[str, Any], key: str) -> Any:
    """The shipped value of a key; None if there is none."""
    value: Any = shipped
    for part in filter(None, key.split(".")):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _shown(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _sections(key: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Each section of the shipped policy with its keys."""
    if keys := [f"{name} = {_shown(each)}" for name, each in value.items() if not isinstance(each, Mapping)]:
        yield f"[{key}] {', '.join(keys)}"
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _sections(f"{key}.{name}", each)
