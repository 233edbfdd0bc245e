"""Bounded reading of objects that others may have written: sizes before bytes, checked names, strict JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import RefusedDelivery, shown

SMALL_BYTES = 1 << 20
"""Most bytes of a manifest or a contract."""
INDEX_BYTES = 16 << 20
FILE_BYTES = 2 << 30
"""Most bytes of any other file."""

_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}"
RelativePath = Annotated[str, Field(pattern=rf"^{_SEGMENT}(/{_SEGMENT}){{0,9}}$")]
"""A path that stays in its folder and names nothing hidden."""
Word = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""


class UntrustedDocument(BaseModel):
    """The part of a JSON document that verification relies on; other keys are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


S = TypeVar("S", bound=UntrustedDocument)


def refuse(what: str, code: str, action: str = "Do not use it; ask for the delivery again.") -> NoReturn:
    """Raise RefusedDelivery for what does not verify."""
    raise RefusedDelivery(what, action, code)


@dataclass(frozen=True)
class UntrustedObjects:
    """The objects below a location: name relative to it -> bytes, and how to read one."""

    sizes: Mapping[str, int]
    fetch: Callable[[str], bytes]
    root: str = ""

    def read(self, name: str, most: int) -> bytes:
        """An object's bytes; refuses a missing one, and one of more than `most` bytes before it is read."""
        if name not in self.sizes:
            refuse(f"{self.label(name)} is missing.", "delivery.object_missing")
        if self.sizes[name] > most:
            refuse(
                f"{self.label(name)} has {self.sizes[name]} bytes, and {most} are the most it may have.",
                "delivery.object_too_large",
            )
        content = self.fetch(self.root + name)
        if len(content) != self.sizes[name]:
            refuse(
                f"{self.label(name)} changed while it was read.",
                "delivery.object_changed",
                "Verify again when nothing writes there.",
            )
        return content

    def below(self, folder: str) -> "UntrustedObjects":
        """The objects of a folder, by names relative to it."""
        start = f"{folder}/"
        inside = {name.removeprefix(start): size for name, size in self.sizes.items() if name.startswith(start)}
        return UntrustedObjects(inside, self.fetch, self.root + start)

    def label(self, name: str) -> str:
        """A name as shown to people."""
        return shown(self.root + name)


def parse(content: bytes, shape: type[S], label: str) -> S:
    """Read JSON of a shape; refuses repeated keys, NaN and every other shape."""
    try:
        return shape.model_validate(json.loads(content, object_pairs_hook=_distinct, parse_constant=_no_constant))
    except ValidationError as error:
        keys = ", ".join(sorted({shown(".".join(map(str, fault["loc"]))) for fault in error.errors()})[:5])
        refuse(f"{label} is not as it should be: {keys}.", "delivery.document_invalid")
    except (ValueError, RecursionError):
        refuse(f"{label} is not readable JSON.", "delivery.document_unreadable")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("repeated key")
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)
