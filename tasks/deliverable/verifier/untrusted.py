"""Bounded reading of what others may have written: sizes before bytes, strict JSON, checked shapes."""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

SMALL_BYTES, INDEX_BYTES, FILE_BYTES = 1 << 20, 64 << 20, 2 << 30
"""Most bytes of a manifest, of an index, and of any other file."""
MAX_DEPTH, MAX_DIGITS = 20, 16
REMOVE_OR_ASK = "If your own tools wrote there, remove that; else ask for the delivery again."

NAME, WORD = re.compile(r"[a-z][a-z0-9_]{0,99}"), re.compile(r"[\x21-\x7e]{1,200}")
DIGEST = re.compile(r"[0-9a-f]{64}")
"""SHA-256 in hexadecimal."""
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}"
PATH = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,9}}")
"""A path that stays in its folder and names nothing hidden."""
COUNT, REVISION = range(1 << 53), range(1, 1 << 31)

Document = dict[str, Any]


class VerificationError(Exception):
    """What is wrong, what to do, a stable code, and the exit code: 30, or 2 for wrong arguments."""

    def __init__(self, what: str, action: str, code: str, exit_code: int = 30) -> None:
        super().__init__(f"{what} {action}")
        self.what, self.action, self.code, self.exit_code = what, action, code, exit_code


def refuse(what: str, code: str, action: str = "Do not use it; ask for the delivery again.") -> NoReturn:
    """Raise VerificationError for what does not verify."""
    raise VerificationError(what, action, code)


def misused(what: str, code: str, action: str) -> NoReturn:
    """Raise VerificationError for a wrong argument."""
    raise VerificationError(what, action, code, 2)


def plain_name(name: str) -> str:
    """Reduce a foreign name to 100 plain characters: no command, no terminal sequence."""
    return re.sub(r"[^A-Za-z0-9._=/-]", "?", name[:100])


@dataclass(frozen=True)
class UntrustedObjects:
    """The objects below a location: bytes by name, and how to read one."""

    sizes: Mapping[str, int]
    fetch: Callable[[str], bytes]

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.sizes)

    def below(self, folder: str) -> list[str]:
        """The names of the objects in a folder and in all folders below it."""
        after = chr(ord("/") + 1)
        return self._names[bisect_left(self._names, f"{folder}/") : bisect_left(self._names, f"{folder}{after}")]

    def read(self, name: str, most: int) -> bytes:
        """An object's bytes; refuses a missing one, and one of more than `most` bytes before it is read."""
        label, size = plain_name(name), self.sizes.get(name)
        if size is None:
            refuse(f"{label} is missing.", "delivery.object_missing")
        if size > most:
            refuse(f"{label} has {size} bytes, and {most} are the most it may have.", "delivery.object_too_large")
        content = self.fetch(name)
        if len(content) != size:
            action = "Verify again when nothing writes there."
            refuse(f"{label} changed while it was read.", "delivery.object_changed", action)
        return content


def parse(content: bytes, shape: Document, label: str, fractions: bool = False) -> Document:
    """Read JSON of a shape; refuses repeated names, NaN, deep nesting and long numbers. Ignores further names."""
    numbers: Any = {"parse_int": _integer, "parse_constant": _integer, "parse_float": float if fractions else _integer}
    try:
        document = json.loads(content.decode(), object_pairs_hook=_distinct, **numbers)
        _check_depth(document)
    except (ValueError, RecursionError):
        refuse(f"{label} is not readable JSON.", "delivery.document_unreadable")
    _check_shape(document, shape, "", label)
    return dict(document)


def _distinct(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs) or not all(name.isascii() for name in found):
        raise ValueError("names")
    return found


def _integer(text: str) -> int:
    """Of bounded length: Python's conversion takes quadratic time."""
    if len(text) > MAX_DIGITS:
        raise ValueError("number")
    return int(text)


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [value for values in inner for value in values]
    if level:
        raise ValueError("depth")


def _check_shape(value: Any, shape: Any, where: str, label: str) -> None:
    """A shape is a value, a type, a pattern, a range, `[shape]`, `(shape,)` for what may be null, or names."""
    if isinstance(shape, tuple):
        if value is not None:
            _check_shape(value, shape[0], where, label)
    elif isinstance(shape, dict) and isinstance(value, dict):
        for name, inner in shape.items():
            _check_shape(value.get(name, ...), inner, f"{where}.{name}", label)
    elif isinstance(shape, list) and isinstance(value, list):
        for place, each in enumerate(value):
            _check_shape(each, shape[0], f"{where}.{place}", label)
    elif not _fits(value, shape):
        refuse(f"{label} is not as it should be: {plain_name(where[1:])}.", "delivery.document_invalid")


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if isinstance(shape, range):
        return type(value) is int and value in shape
    return type(value) is shape if isinstance(shape, type) else type(value) is type(shape) and value == shape
