"""zones.geojson as landed: what each feature may say, and what is refused by name."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tasks.errors import RejectedInput, shown
from tasks.events import plan_rules
from tasks.events.plan_rules import (
    INVALID_GEOMETRY,
    INVALID_PROPERTY,
    INVALID_SENSITIVE,
    NOT_WGS84,
    PlanChecks,
    PlanRule,
)
from tasks.mobility.borders import GRID, overlapping

ZONES = 1 << 20
"""More zones in a plan are refused by name."""
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NAME = 200
_WGS84 = re.compile(r"CRS84$|EPSG:{1,2}4326$", re.IGNORECASE)
_CORRECT = "Correct the zone plan and land it again."
_OF_FEATURES = (
    plan_rules.NO_PROPERTIES,
    plan_rules.INVALID_ID,
    INVALID_PROPERTY,
    INVALID_SENSITIVE,
    INVALID_GEOMETRY,
    NOT_WGS84,
)
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Zone:
    """A zone as landed; its geometry is a valid polygon on the grid, not yet normalised."""

    zone_id: str
    name: str
    parent_id: str
    parent_name: str | None
    """The district's name, where this zone gives it."""
    sensitive: bool
    area_type: str | None
    geometry: BaseGeometry


def read_zones(path: Path) -> tuple[Zone, ...]:
    """Read and check zones.geojson; zones by id. Raises RejectedInput naming the zone and the rule."""
    checks = PlanChecks()
    zones = checked_zones(path, checks)
    checks.refuse()
    return zones


def checked_zones(path: Path, checks: PlanChecks) -> tuple[Zone, ...]:
    """The zones, not to be used before `checks` has refused them. Raises RejectedInput for an unreadable file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RejectedInput(
            f"{path} cannot be read: {error.strerror}.", "Land zones.geojson.", "zones.unreadable"
        ) from None
    return parse_zones(content, path.name, checks)


def parse_zones(content: bytes, source: str, checks: PlanChecks) -> tuple[Zone, ...]:
    """The zones of a landed file's content, by id."""
    features = _features(_document(_text(content, source), source), source)
    faults: dict[PlanRule, list[str]] = {rule: [] for rule in _OF_FEATURES}
    read = [_zone(feature, f"feature {number}", faults) for number, feature in enumerate(features, 1)]
    for rule, found in faults.items():
        checks.count(rule, source, found, len(features))
    zones = sorted((zone for zone in read if zone), key=lambda zone: zone.zone_id)
    doubled = [zone_id for zone_id, times in Counter(zone.zone_id for zone in zones).items() if times > 1]
    checks.count(plan_rules.DUPLICATE_ID, source, doubled, len(zones))
    names = district_names(zones)
    several = [district for district, given in names.items() if len(given) > 1]
    checks.count(plan_rules.DISTRICT_NAMES, source, several, len(names))
    pairs = overlapping(np.array([zone.geometry for zone in zones], object))
    ids = [f"{zones[a].zone_id} and {zones[b].zone_id}" for a, b in pairs]
    checks.count(plan_rules.OVERLAP, source, ids, len(zones) * (len(zones) - 1) // 2)
    return tuple(zones)


def district_names(zones: Iterable[Zone]) -> dict[str, set[str]]:
    """Every name that zones give their district, by its id; none for a district without a name."""
    names: dict[str, set[str]] = {}
    for zone in zones:
        names.setdefault(zone.parent_id, set()).update([zone.parent_name] if zone.parent_name else [])
    return names


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
            raise RejectedInput(
                f"{source} is in {shown(name)}, not in WGS 84 degrees.", NOT_WGS84.action, NOT_WGS84.code
            )
    return features


def _is_object(of: Any, member: str) -> bool:
    return isinstance(of.get(member), dict)


class _FaultError(Exception):
    """A rule that a feature breaks, and how, without a value that is not an id."""


def _zone(feature: Any, where: str, faults: Mapping[PlanRule, list[str]]) -> Zone | None:
    """The zone of a feature; None if it breaks rules, each of which gets a fault."""
    if not isinstance(feature, dict) or not _is_object(feature, "properties"):
        faults[plan_rules.NO_PROPERTIES].append(where)
        return None
    properties, broken = feature["properties"], dict[PlanRule, str]()

    def read(how: Callable[..., Any], *given: Any) -> Any:
        try:
            return how(*given)
        except _FaultError as fault:
            broken.setdefault(*fault.args)

    zone_id = read(_id, properties, "zone_id")
    zone = Zone(
        zone_id,
        read(_words, properties, "name", zone_id),
        read(_id, properties, "parent_id"),
        read(_words, properties, "parent_name", None),
        read(_sensitive, properties),
        read(_words, properties, "area_type", None),
        read(_geometry, feature.get("geometry")),
    )
    for rule, fault in broken.items():
        faults[rule].append(f"{where} (zone {zone_id}) {fault}" if zone_id else f"{where} {fault}")
    return None if broken else zone


def _id(properties: dict[str, Any], key: str) -> str:
    value = properties.get(key, "")
    if not isinstance(value, str):
        raise _FaultError(INVALID_PROPERTY, f"{key} is not text but {_kind(value)}")
    if not _ID.fullmatch(value):
        raise _FaultError(
            plan_rules.INVALID_ID, f"{key} is not 1 to 64 of A-Z a-z 0-9 _ . : -" if value else f"{key} is missing"
        )
    return value


def _words(properties: dict[str, Any], key: str, absent: str | None) -> str | None:
    """Text that clients may read: a line of plain characters."""
    value = properties.get(key, absent)
    if value is absent or (value is None and absent is None):
        return absent
    if not isinstance(value, str):
        raise _FaultError(INVALID_PROPERTY, f"{key} is not text but {_kind(value)}")
    if not (value.strip() and value.isprintable() and len(value) <= _NAME):
        raise _FaultError(INVALID_PROPERTY, f"{key} is not one line of 1 to {_NAME} printable characters")
    return value


def _sensitive(properties: dict[str, Any]) -> bool:
    """Accept only true, false or absent: any other value would publish a sensitive place on a guess."""
    for key in properties:
        if key != "sensitive" and re.sub(r"[^a-z]", "", key.casefold()) == "sensitive":
            raise _FaultError(INVALID_SENSITIVE, f"the key {shown(key)!r} must be 'sensitive'")
    value = properties.get("sensitive", False)
    if not isinstance(value, bool):
        raise _FaultError(INVALID_SENSITIVE, f"sensitive is not true or false, without quotes, but {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    """What a JSON value is, without saying it."""
    if value is None:
        return "null"
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def _geometry(member: Any) -> BaseGeometry:
    try:
        geometry = shapely.force_2d(shapely.geometry.shape(member))
    except Exception:  # a malformed member raises many types
        raise _FaultError(INVALID_GEOMETRY, "has no readable geometry") from None
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise _FaultError(INVALID_GEOMETRY, f"is a {geometry.geom_type}, not a filled polygon")
    if not geometry.is_valid:
        raise _FaultError(INVALID_GEOMETRY, f"is invalid: {shapely.is_valid_reason(geometry)}")
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise _FaultError(NOT_WGS84, "has projected coordinates")
    on_grid = shapely.set_precision(geometry, GRID)
    if on_grid.is_empty:
        raise _FaultError(INVALID_GEOMETRY, "is narrower than a centimetre")
    return on_grid
