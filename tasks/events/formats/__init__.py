"""Formats of the landing's files: mappings in TOML, shipped (`*.toml` here) and the operator's own `formats.toml`."""

import hashlib
import tomllib
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError

from tasks.errors import Misconfigured
from tasks.events.formats.sections import (
    CellFormat,
    EventFormat,
    Ids,
    LandingNames,
    RegisterFormat,
    Section,
)

FILE = "formats.toml"
SHIPPED = ("native", "eurostat", "flowkit")
"""The shipped mappings, in the order in which they are tried."""
MOST_BYTES = 1 << 18
"""A longer mapping is refused unread."""

FormatName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


class Mapping(Section):
    """What a mapping may hold: formats by name, in the order in which they are tried, and two tables for all."""

    events: Annotated[dict[FormatName, EventFormat], Field(default_factory=dict)]
    """Event files."""
    cells: Annotated[dict[FormatName, CellFormat], Field(default_factory=dict)]
    """The cell plan."""
    subscribers: Annotated[dict[FormatName, RegisterFormat], Field(default_factory=dict)]
    """The register of subscribers."""
    consents: Annotated[dict[FormatName, RegisterFormat], Field(default_factory=dict)]
    """The register of consents."""
    landing: LandingNames = LandingNames()
    """Names of folders, and of files to ignore."""
    ids: Ids = Ids()
    """How subscriber ids are compared."""


class Formats(Mapping):
    """The operator's mapping and the shipped ones."""

    digest: str = ""
    """SHA-256 of the operator's own file; empty without one."""
    own: frozenset[str] = frozenset()
    """Names of the operator's own event formats."""


KINDS = ("events", "cells", "subscribers", "consents")


def load_formats(path: Path | None = None) -> Formats:
    """The shipped formats, and before them those of a file; of equal names, the file's. Raises Misconfigured."""
    if path is None:
        return shipped()
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(
            f"The mapping {path} cannot be read ({error.strerror}).", "Correct or remove it.", "formats.unreadable"
        ) from None
    return _joined(content, str(path))


@lru_cache(maxsize=8)
def _joined(content: bytes, source: str) -> Formats:
    ours, known = parse(content, source), shipped()
    merged = {kind: getattr(ours, kind) | getattr(known, kind) | getattr(ours, kind) for kind in KINDS}
    digest = hashlib.sha256(content).hexdigest()
    return Formats(**merged, landing=ours.landing, ids=ours.ids, digest=digest, own=frozenset(ours.events))


@cache
def shipped() -> Formats:
    """The shipped formats alone."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for name in SHIPPED:
        path = Path(__file__).with_name(f"{name}.toml")
        read = parse(path.read_bytes(), path.name)
        for kind in KINDS:
            found[kind] |= getattr(read, kind)
    return Formats(**found)


def parse(content: bytes, source: str) -> Mapping:
    """A mapping's text as a model; raises Misconfigured naming the place of each fault."""
    if len(content) > MOST_BYTES:
        raise Misconfigured(
            f"The mapping {source} is longer than {MOST_BYTES} bytes.", "Keep only what is needed.", "formats.too_long"
        )
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"The mapping {source} is no TOML: {error}.", "Correct it.", "formats.not_toml") from None
    except RecursionError:
        raise Misconfigured(f"The mapping {source} is nested too deeply.", "Correct it.", "formats.not_toml") from None
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors(include_url=False, include_context=False)[:10])
        raise Misconfigured(
            f"The mapping {source} is refused: {faults}.",
            "Correct these keys; docs/reference/formats.md lists all.",
            "formats.invalid",
        ) from None


def _fault(fault: Any) -> str:
    """One fault by its place; an unknown key with the nearest one that is known there."""
    place = tuple(part for part in fault["loc"] if part != "[key]")
    where = ".".join(str(part)[:60] for part in place)
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] != "extra_forbidden":
        return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
    known = _keys(place[:-1])
    near = get_close_matches(str(place[-1]), known, 1)
    return f"{where} is not known; " + (f"did you mean {near[0]}?" if near else f"known there: {', '.join(known)}")


def _keys(place: tuple[str | int, ...]) -> list[str]:
    """The keys that are known at a place of a mapping."""
    known: Any = Mapping
    for part in place:
        known = known.model_fields[str(part)].annotation if _is_model(known) else get_args(known)[-1]
        if isinstance(known, UnionType):  # one that may be left out
            known = get_args(known)[0]
    return list(known.model_fields) if _is_model(known) else []


def _is_model(each: Any) -> bool:
    return isinstance(each, type) and issubclass(each, BaseModel)
