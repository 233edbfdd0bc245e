"""zones.geojson as landed: what each feature may say, and what is refused by name."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.errors import RejectedInput, shown
from tasks.mobility.borders import GRID, overlapping

ZONES = 1 << 20
"""More zones in a plan are refused by name."""
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NAME = 200
_WGS84 = re.compile(r"CRS84$|EPSG:{1,2}4326$", re.IGNORECASE)
_CORRECT = "Correct the zone plan and land it again."
_CONVERT = "Convert the plan to WGS 84 (EPSG:4326), longitude first."
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Zone:
    """A zone as landed; its geometry is a valid polygon on the grid, not yet normalised."""

    zone_id: str
    name: str
    parent_id: str
    sensitive: bool
    area_type: str | None
    geometry: BaseGeometry


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Read and check zones.geojson; zones by id. Raises RejectedInput naming the zone and the rule."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RejectedInput(
            f"{path} cannot be read: {error.strerror}.", "Land zones.geojson.", "zones.unreadable"
        ) from None
    return parse_zones(content, path.name)


def parse_zones(content: bytes, source: str) -> tuple[Zone, ...]:
    """The zones of a landed file's content, by id."""
    features = _features(_document(_text(content, source), source), source)
    zones = [_zone(feature, f"{source}: feature {number}") for number, feature in enumerate(features, 1)]
    zones.sort(key=lambda zone: zone.zone_id)
    doubled = [zone_id for zone_id, times in Counter(zone.zone_id for zone in zones).items() if times > 1]
    if doubled:
        raise RejectedInput(f"{source}: zone ids appear twice: {names(doubled)}.", _CORRECT, "zones.duplicate_id")
    pairs = overlapping(np.array([zone.geometry for zone in zones], object))
    if pairs:
        words = [f"{zones[a].zone_id} and {zones[b].zone_id}" for a, b in pairs]
        raise RejectedInput(f"{source}: zones overlap: {names(words)}.", _CORRECT, "zones.overlap")
    return tuple(zones)


def names(words: Sequence[str]) -> str:
    """The first five, and how many more."""
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")


def _text(content: bytes, source: str) -> str:
    """UTF-8, with or without a byte-order mark: another encoding would be guessed, and names be wrong for good."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        encoding = _MARKS.get(content[:2], "")
        line = content.count(b"\n", 0, error.start) + 1
        what = f"{encoding}, not UTF-8" if encoding else f"not UTF-8: line {line} has a byte of another encoding"
    raise RejectedInput(
        f"{source} is {what}.",
        f"Save it as UTF-8, for example `iconv -f {encoding or 'ISO-8859-1'} -t UTF-8`.",
        "zones.not_utf8",
    )


class _TwiceError(ValueError):
    """A member given twice in one object: readers disagree which one counts."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _TwiceError(next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1))
    return members


def _no_number(word: str) -> float:
    raise json.JSONDecodeError(f"{word} is no JSON number", "", 0)


def _document(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except _TwiceError as twice:
        raise RejectedInput(
            f"{source} gives {shown(str(twice))!r} twice in one object.", _CORRECT, "zones.duplicate_member"
        ) from None
    except json.JSONDecodeError as error:
        raise RejectedInput(f"{source} is not JSON at line {error.lineno}.", _CORRECT, "zones.not_json") from None
    except (ValueError, RecursionError):
        raise RejectedInput(f"{source} is not JSON that can be read.", _CORRECT, "zones.not_json") from None


def _features(document: Any, source: str) -> list[Any]:
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise RejectedInput(
            f"{source} is not a GeoJSON FeatureCollection with zones in it.", _CORRECT, "zones.no_features"
        )
    if len(features) > ZONES:
        raise RejectedInput(
            f"{source} has {len(features)} zones; {ZONES} are possible.", "Split the plan.", "zones.too_many"
        )
    if (crs := document.get("crs")) is not None:
        name = str(crs["properties"].get("name")) if isinstance(crs, dict) and _is_object(crs, "properties") else "?"
        if not _WGS84.search(name):
            raise RejectedInput(f"{source} is in {shown(name)}, not in WGS 84 degrees.", _CONVERT, "zones.not_wgs84")
    return features


def _is_object(of: Any, member: str) -> bool:
    return isinstance(of.get(member), dict)


def _zone(feature: Any, where: str) -> Zone:
    """The zone of a feature. Errors show no value that is not an id."""
    if not isinstance(feature, dict) or not _is_object(feature, "properties"):
        raise RejectedInput(f"{where} has no properties.", _CORRECT, "zones.no_properties")
    properties = feature["properties"]
    zone_id = _id(properties, "zone_id", where)
    where = f"{where} (zone {zone_id})"
    return Zone(
        zone_id,
        _words(properties, "name", zone_id, where) or zone_id,
        _id(properties, "parent_id", where),
        _sensitive(properties, where),
        _words(properties, "area_type", None, where),
        _geometry(feature.get("geometry"), where),
    )


def _id(properties: dict[str, Any], key: str, where: str) -> str:
    value = properties.get(key, "")
    if not isinstance(value, str):
        raise RejectedInput(f"{where}: {key} must be text, not {_kind(value)}.", _CORRECT, "zones.invalid_property")
    if not _ID.fullmatch(value):
        rule = "must be 1 to 64 of A-Z a-z 0-9 _ . : -" if value else "is missing or empty"
        raise RejectedInput(f"{where}: {key} {rule}.", _CORRECT, "zones.invalid_id")
    return value


def _words(properties: dict[str, Any], key: str, absent: str | None, where: str) -> str | None:
    """Text that clients may read: a line of plain characters."""
    value = properties.get(key, absent)
    if value is absent or (value is None and absent is None):
        return absent
    if not isinstance(value, str):
        raise RejectedInput(f"{where}: {key} must be text, not {_kind(value)}.", _CORRECT, "zones.invalid_property")
    if not (value.strip() and value.isprintable() and len(value) <= _NAME):
        raise RejectedInput(
            f"{where}: {key} must be one line of 1 to {_NAME} printable characters.", _CORRECT, "zones.invalid_property"
        )
    return value


def _sensitive(properties: dict[str, Any], where: str) -> bool:
    """Accept only true, false or absent: any other value would publish a sensitive place on a guess."""
    for key in properties:
        if key != "sensitive" and re.sub(r"[^a-z]", "", key.casefold()) == "sensitive":
            raise RejectedInput(
                f"{where}: the key {shown(key)!r} must be 'sensitive'.", _CORRECT, "zones.invalid_sensitive"
            )
    value = properties.get("sensitive", False)
    if not isinstance(value, bool):
        raise RejectedInput(
            f"{where}: sensitive must be true or false, without quotes, not {_kind(value)}.",
            _CORRECT,
            "zones.invalid_sensitive",
        )
    return value


def _kind(value: Any) -> str:
    """What a JSON value is, without saying it."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _geometry(member: Any, where: str) -> BaseGeometry:
    try:
        geometry = shapely.force_2d(shapely.geometry.shape(member))
    except Exception:  # a malformed member raises many types
        raise RejectedInput(f"{where} has no readable geometry.", _CORRECT, "zones.invalid_geometry") from None
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise RejectedInput(
            f"{where} is a {geometry.geom_type}, not a filled polygon.", _CORRECT, "zones.invalid_geometry"
        )
    if not geometry.is_valid:
        raise RejectedInput(
            f"{where} is invalid: {shapely.is_valid_reason(geometry)}.", _CORRECT, "zones.invalid_geometry"
        )
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise RejectedInput(
            f"{where} is not in WGS 84 degrees: its coordinates are projected.", _CONVERT, "zones.not_wgs84"
        )
    on_grid = shapely.set_precision(geometry, GRID)
    if on_grid.is_empty:
        raise RejectedInput(f"{where} is narrower than a centimetre.", _CORRECT, "zones.invalid_geometry")
    return on_grid
