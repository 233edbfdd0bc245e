"""The places of a grant: zones by id, by district, or all; districts only as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from typing import Any

from tasks.deliverable.level_view import DimensionView, LevelView
from tasks.deliverable.view import GrantView, ZonesView
from tasks.errors import RefusedDelivery

EVERYTHING = "*"


@dataclass(frozen=True)
class Granted:
    """Granted places: sorted zone ids, and the districts of which every zone is granted."""

    zones: tuple[str, ...]
    districts: tuple[str, ...]

    def values(self, dimension: DimensionView) -> tuple[Any, ...]:
        """The keys of a dimension that the client receives."""
        if dimension.granted_by is None:
            return dimension.shown
        ids = set(self.zones if dimension.granted_by == "zone" else self.districts)
        return tuple(value for value in dimension.values if value in ids)

    def keys(self, level: LevelView) -> int:
        """How many keys of a level the client receives."""
        return prod(len(self.values(dimension)) for dimension in level.dimensions)


def granted(plan: ZonesView, grant: GrantView) -> Granted:
    """The granted places; refuses unknown and merged ids by name."""
    members: dict[str, set[str]] = {}
    for zone, district in zip(plan.zone_ids, plan.district_ids, strict=True):
        members.setdefault(district, set()).add(zone)
    zones = {zone for word in grant.zones for zone in _zones(word, plan, members, grant.client)}
    if not zones:
        raise RefusedDelivery(
            f"The grant of {grant.client} names no zone.", 'Grant zones = ["*"], or ids.', "grant.no_zone"
        )
    return Granted(tuple(sorted(zones)), tuple(sorted(d for d, whole in members.items() if whole <= zones)))


def _zones(word: str, plan: ZonesView, members: dict[str, set[str]], client: str) -> Iterable[str]:
    if word == EVERYTHING:
        return plan.zone_ids
    is_zone = word in plan.zone_ids
    if is_zone and members.get(word, {word}) != {word}:
        raise RefusedDelivery(
            f"The grant of {client} names '{word}', which is both a zone and a district of several zones.",
            "List the zones one by one.",
            "grant.ambiguous",
        )
    if is_zone:
        return (word,)
    if word in members:
        return members[word]
    raise _unknown(word, plan, members, client)


def _unknown(word: str, plan: ZonesView, members: Iterable[str], client: str) -> RefusedDelivery:
    if word in plan.merged:
        into = plan.merged[word]
        return RefusedDelivery(
            f"The grant of {client} names zone '{word}', which is sensitive: it is counted only as part of '{into}'.",
            f"Grant '{into}' instead.",
            "grant.sensitive_zone",
        )
    near = get_close_matches(word, [*plan.zone_ids, *members], 1)
    return RefusedDelivery(
        f"The grant of {client} names '{word[:64]}', which is neither a zone nor a district of the zone plan.",
        f"Did you mean '{near[0]}'?" if near else 'Use ids of zones.geojson, or "*".',
        "grant.unknown_place",
    )
