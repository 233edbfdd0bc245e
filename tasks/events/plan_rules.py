"""The rules for cells and zones, declared once: the gate judges them as a suite, `doctor` and `inspect` as counts.

They count rows of the network's inventory and zones of a map, not of subscribers: counts may be shown.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any, Literal

from tasks.errors import RejectedInput

SHOWN = 5
"""How many rows or zones a message names before it says how many more there are."""
_CELLS = "Correct these rows of the cell plan and land it again."
_ZONES = "Correct the zone plan and land it again."


@dataclass(frozen=True)
class PlanRule:
    """A rule by its code (of the error, and of the gate's line): what it counts, what to do, and when it fails."""

    code: str
    counts: str
    action: str
    severity: Literal["critical", "warning"] = "critical"
    fails_from: float = 0.0
    """The share of all from which on it fails; one at least."""


NO_PROPERTIES = PlanRule("zones.no_properties", "features have no properties", _ZONES)
INVALID_ID = PlanRule("zones.invalid_id", "zones lack a well-formed zone_id or parent_id", _ZONES)
INVALID_PROPERTY = PlanRule("zones.invalid_property", "zones have a property of the wrong type", _ZONES)
INVALID_SENSITIVE = PlanRule("zones.invalid_sensitive", "zones leave open whether they are sensitive", _ZONES)
INVALID_GEOMETRY = PlanRule("zones.invalid_geometry", "zones have no valid polygon", _ZONES)
NOT_WGS84 = PlanRule(
    "zones.not_wgs84", "zones are not in WGS 84 degrees", "Convert the plan to WGS 84 (EPSG:4326), longitude first."
)
DUPLICATE_ID = PlanRule("zones.duplicate_id", "zone ids appear twice", _ZONES)
DISTRICT_NAMES = PlanRule("zones.district_names", "districts have several names (parent_name)", _ZONES)
OVERLAP = PlanRule("zones.overlap", "pairs of zones overlap", _ZONES)
SENSITIVE_UNMERGED = PlanRule(
    "zones.sensitive_unmerged",
    "sensitive zones have no neighbour that can take them",
    "It needs a common border, the same parent_id, and a cell of its own. Correct parent_id or sensitive in the zone "
    "plan, or the places in the cell plan.",
)
MISSING_ID = PlanRule("cells.missing_id", "rows have no cell_id", _CELLS)
INVALID_DEGREES = PlanRule(
    "cells.invalid_degrees", "rows lack a latitude (to 90) or a longitude (to 180 degrees)", _CELLS
)
INVALID_TIME = PlanRule("cells.invalid_time", "rows have a valid_from or valid_to that is not an ISO 8601 time", _CELLS)
BACKWARD_VALIDITY = PlanRule("cells.backward_validity", "versions end before they begin", _CELLS)
CONTRADICTORY_VERSIONS = PlanRule("cells.contradictory_versions", "versions contradict the next of their cell", _CELLS)
NONE_VALID = PlanRule(
    "cells.none_valid", "versions are not valid on the day", "Land the cell plan of that day.", fails_from=1.0
)
TOO_MANY_CELLS = PlanRule("cells.too_many", "versions of the day are beyond the possible number", "Split the network.")
OUTSIDE_ZONES = PlanRule(
    "cells.outside_zones",
    "versions of the day lie outside every zone",
    "Check whether latitude and longitude are swapped, and that both plans are of the same country.",
    fails_from=1.0,
)


def _attribute(column: str, allowed: str) -> PlanRule:
    """A rule for an optional column: it warns, and a value that breaks it is not used."""
    action = f"Correct {column} in the cell plan, or leave it empty."
    return PlanRule(f"cells.{column}", f"rows have a value of {column} that is not {allowed}", action, "warning")


def _between(least: float, most: float) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        try:
            return least <= float(text) <= most
        except ValueError:
            return False

    return fits


_SWAPPED = str.maketrans(",.", ".,")
_TECHNOLOGIES = ("gsm", "edge", "umts", "wcdma", "hspa", "cdma", "lte", "nr", "nb-iot", "2g", "3g", "4g", "5g", "6g")
ATTRIBUTES: Mapping[str, tuple[PlanRule, Callable[[str], bool]]] = {
    "azimuth": (_attribute("azimuth", "from 0 to 360 degrees"), _between(0, 360)),
    "beam_width": (_attribute("beam_width", "from 1 to 360 degrees"), _between(1, 360)),
    "range_m": (_attribute("range_m", "from 1 to 200,000 metres"), _between(1, 200_000)),
    "height_m": (_attribute("height_m", "from 0 to 1,000 metres"), _between(0, 1_000)),
    "power_w": (_attribute("power_w", "from 0.001 to 10,000 watts"), _between(0.001, 10_000)),
    "technology": (
        _attribute("technology", "a technology such as LTE or 5G"),
        lambda text: text.casefold().startswith(_TECHNOLOGIES),
    ),
}
"""Optional columns of cells: the rule, and whether a value fits."""


def with_point(text: str, decimal: str) -> str:
    """A written number with a point before its fraction; `decimal`: the sign that the file has there."""
    return text.translate(_SWAPPED) if decimal == "," else text


@dataclass(frozen=True)
class PlanMeasure:
    """How many rows or zones of a plan break a rule."""

    rule: PlanRule
    source: str
    count: int
    total: int
    named: str

    @property
    def limit(self) -> int:
        """The largest count that passes."""
        return max(ceil(self.rule.fails_from * self.total), 1) - 1

    @property
    def fails(self) -> bool:
        """Whether the count is over the limit."""
        return self.count > self.limit

    @property
    def stops(self) -> bool:
        """Whether the plan must not be used."""
        return self.fails and self.rule.severity == "critical"

    @property
    def message(self) -> str:
        """What was counted, in a sentence."""
        return f"{self.source}: {self.count:,} of {self.total:,} {self.rule.counts}{self.named}."


class PlanChecks:
    """What the rules count in one reading of cells and zones."""

    def __init__(self) -> None:
        self.measures: list[PlanMeasure] = []

    def count(
        self, rule: PlanRule, source: str, found: Collection[Any], total: int, name: Callable[[Any], str] | None = str
    ) -> bool:
        """Keep how many break a rule, and the names of the first ones; returns whether that stops the plan."""
        named = f": {names([name(each) for each in islice(found, SHOWN)], len(found))}" if name and len(found) else ""
        self.measures.append(PlanMeasure(rule, source, len(found), total, named))
        return self.measures[-1].stops

    @property
    def warnings(self) -> tuple[str, ...]:
        """What failing rules say that stop nothing."""
        return tuple(each.message for each in self.measures if each.fails and not each.stops)

    def refuse(self) -> None:
        """Raise RejectedInput with each rule that stops the plan, under the code of the first."""
        if stopping := [each for each in self.measures if each.stops]:
            what = " ".join(each.message for each in stopping)
            actions = dict.fromkeys(each.rule.action for each in stopping)
            raise RejectedInput(what, " ".join(actions), stopping[0].rule.code)


def names(words: Sequence[str], total: int = 0) -> str:
    """The first five, and how many more there are of the words, or of a larger total."""
    more = max(total, len(words)) - SHOWN
    return ", ".join(words[:SHOWN]) + (f" and {more} more" if more > 0 else "")
