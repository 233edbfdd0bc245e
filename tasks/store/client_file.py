"""Client files: reviewed TOML without secrets. All faults are reported at once, by line."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import permutations
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tasks.errors import Misconfigured, shown
from tasks.store.client_spec import ClientIdentity, ClientSpec, Destination, Grant, NoticeSettings

__all__ = ["ClientSpec", "Destination", "Grant", "check_apart", "check_once", "parse_client", "unknown_client"]

MOST_CHARACTERS = 1_000_000
"""Of a file: a thousand grants of ten zones."""
Place = tuple[str | int, ...]
"""Where in the file: table, number of a repeated table, key."""

_TABLES: Mapping[str, type[BaseModel]] = {
    "client": ClientIdentity,
    "destination": Destination,
    "grants": Grant,
    "notice": NoticeSettings,
}
_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*([\w\"'.-]+)\s*=")
_SECRET_KEY = re.compile(r"secret|passw|token|credential|access_?key|private_?key", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN ")


def parse_client(
    text: str, source: str, products: Collection[str], formats: Collection[str], left_out: Collection[str] = ()
) -> ClientSpec:
    """Read a client's file, whose grants may name `products` and `formats`; raises Misconfigured with every fault.

    `left_out`: products that exist, and that the policy leaves out.
    """
    text = text.removeprefix("\ufeff")
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError("length")
        data = tomllib.loads(text)
        secrets = [place for place, value in _leaves(data) if _is_secret(place, value)]
    except (ValueError, RecursionError) as error:
        fault = error if isinstance(error, tomllib.TOMLDecodeError) else "too long, or too deep"
        raise Misconfigured(f"{source} is not TOML: {fault}.", "Correct that line.", "client.not_toml") from None
    lines = _lines(text)
    if secrets:
        raise Misconfigured(
            f"{source} holds a secret: {'; '.join(_at(place, lines) for place in secrets)}.",
            "Remove it, withdraw that key, and name a profile of our AWS configuration or a role_arn instead.",
            "client.secret",
        )
    try:
        return ClientSpec.model_validate(data, context={"products": products, "formats": formats, "left_out": left_out})
    except ValidationError as error:
        faults = sorted((_line(fault["loc"], lines), _sentence(fault, lines)) for fault in error.errors())
        raise Misconfigured(
            f"{source} is refused: {'; '.join(said for _, said in faults)}.",
            "Correct it and run `throng client apply` again; nothing was changed.",
            "client.invalid",
        ) from None


def unknown_client(name: str, known: Sequence[str]) -> Misconfigured:
    """The error for a client that was never applied."""
    near = get_close_matches(name, known, 1)
    return Misconfigured(
        f"There is no client '{name[:40]}' (known: {', '.join(known) or 'none yet'}).",
        f"Did you mean '{near[0]}'?" if near else "Run `throng client apply FILE.toml`.",
        "client.unknown",
    )


def check_once(specs: Sequence[ClientSpec]) -> None:
    """Raise Misconfigured if two files describe one client."""
    names = [spec.name for spec in specs]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Misconfigured(
            f"More than one file is of client {', '.join(doubled)}.",
            "Give one file for each client.",
            "client.given_twice",
        )


def check_apart(specs: Iterable[ClientSpec]) -> None:
    """Raise Misconfigured if a client's folder is, or lies within, another's: each client has its own index."""
    folders = {spec.name: _folder(spec) for spec in specs}
    for (one, folder), (other, outer) in permutations(folders.items(), 2):
        if folder.startswith(outer):
            raise Misconfigured(
                f"The folder of client '{one}' is, or lies within, that of '{other}'.",
                "Give each client a bucket or prefix of its own.",
                "client.folder_shared",
            )


def _folder(spec: ClientSpec) -> str:
    """Scheme and port do not tell stores apart; all addresses of AWS lead to one."""
    to = spec.destination
    host = urlsplit(to.endpoint_url or "").hostname or ""
    return f"{'' if host.endswith('.amazonaws.com') else host} {to.bucket}/{to.prefix}/"


def _lines(text: str) -> dict[Place, int]:
    """The line of every table and key that starts a line; tomllib has no positions."""
    lines: dict[Place, int] = {}
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def _parts(dotted: str) -> Place:
    return tuple(part.strip(" \"'") for part in dotted.split("."))


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    """The line of the nearest table or key around the place; 1 where even its table is missing."""
    return next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)


def _at(place: Place, lines: Mapping[Place, int]) -> str:
    """`line 7: [destination] bucket`."""
    table, *keys = (shown(part) for part in place if isinstance(part, str))
    header = f"[[{table}]]" if table == "grants" else f"[{table}]"
    return " ".join((f"line {_line(place, lines)}: {header}", *keys))


def _leaves(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*place, number))
    else:
        yield place, value


def _is_secret(place: Place, value: object) -> bool:
    named = any(isinstance(part, str) and _SECRET_KEY.search(part) for part in place)
    return named or (isinstance(value, str) and bool(_SECRET_VALUE.search(value)))


def _sentence(fault: ErrorDetails, lines: Mapping[Place, int]) -> str:
    place = fault["loc"]
    match fault["type"]:
        case "missing":
            return f"{_at(place, lines)} is missing"
        case "extra_forbidden":
            return f"{_at(place, lines)} is not known{_nearest(place)}"
        case "value_error":
            return f"{_at(place, lines)} {fault['msg'].removeprefix('Value error, ')}"
    return f"{_at(place, lines)} must be {_wanted(place) or fault['msg']}"


def _nearest(place: Place) -> str:
    """The key that was probably meant: in the same table, else the table where this key belongs."""
    key, table = str(place[-1]), _TABLES.get(str(place[0])) if len(place) > 1 else None
    if near := get_close_matches(key, _keys(table) if table else _TABLES, 1):
        return f"; did you mean '{near[0]}'?"
    homes = [name for name, model in _TABLES.items() if key in _keys(model)]
    return f"; it belongs in [{homes[0]}]" if homes else ""


def _keys(table: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in table.model_fields.items()]


def _wanted(place: Place) -> str | None:
    """What the nearest described key of the place must be."""
    table = _TABLES.get(str(place[0]))
    fields = {field.alias or name: field.description for name, field in table.model_fields.items()} if table else {}
    return next((fields[part] for part in place[1:] if isinstance(part, str) and part in fields), None)
