"""README.md of a delivery: how to read it, in plain words, with an example from its own rows."""

import re
from collections.abc import Mapping
from functools import cache
from math import hypot

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tasks.deliverable.columns import INTERVAL, STATUS_MEANINGS, columns
from tasks.deliverable.contract import PERMITTED_USE
from tasks.deliverable.facts import DeliveryFacts, GrantFacts, LevelFacts, ReleaseFacts, Status, ZoneFacts
from tasks.deliverable.manifest import BASIS, CSV, MECHANISM, UNIT, status_counts
from tasks.deliverable.signature import key_id

Z90 = 1.645
"""Half width of a 90 % interval in standard errors, as a reader would type it."""


def readme(
    release: ReleaseFacts,
    plan: ZoneFacts,
    grant: GrantFacts,
    delivery: DeliveryFacts,
    data: pa.Table,
    public: bytes,
) -> bytes:
    """The read-me in bytes."""
    text = _template().render(
        release=release,
        plan=plan,
        grant=grant,
        delivery=delivery,
        rows=data.num_rows,
        zones=len(pc.unique(_rows(data, release.levels[0])["zone_id"])),
        columns=columns(release),
        counts=[(level, status_counts(data, level.name)) for level in release.levels],
        meanings=STATUS_MEANINGS,
        interval=INTERVAL,
        example=_example(data, release),
        csv=CSV if "csv" in grant.formats else None,
        unit=UNIT,
        mechanism=MECHANISM,
        basis=BASIS,
        permitted_use=PERMITTED_USE,
        key_id=key_id(public),
    )
    return text.encode()


def plain(text: str) -> str:
    """Foreign text as inert Markdown on one line."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))


@cache
def _template() -> Template:
    environment = Environment(  # noqa: S701 (Markdown: `plain` escapes what others wrote)
        loader=PackageLoader("tasks.deliverable"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "count": lambda number: f"{number:,.0f}"}
    return environment.get_template("README.md.jinja")


def _rows(data: pa.Table, level: LevelFacts) -> pa.Table:
    return data.filter(pc.equal(data["level"], level.name))


def _example(data: pa.Table, release: ReleaseFacts) -> Mapping[str, object]:
    """The largest number of the first level, the largest of another place in the same hour, and a withheld row."""
    level = release.levels[0]
    rows = _rows(data, level)
    shown = rows.filter(pc.equal(rows["status"], Status.ESTIMATE))
    shown = shown.sort_by([("panel_value", "descending"), ("hour_start", "ascending"), ("zone_id", "ascending")])
    first = shown.slice(0, 1).to_pylist()
    withheld = rows.filter(pc.equal(rows["status"], Status.WITHHELD_SMALL)).slice(0, 1).to_pylist()
    same_hour = shown.filter(pc.equal(shown["hour_start"], first[0]["hour_start"])) if first else shown
    second = same_hour.slice(1, 1).to_pylist()
    return {
        "level": level,
        "row": first[0] if first else None,
        "percent": 100 * Z90 * first[0]["panel_se"] / first[0]["panel_value"] if first else None,
        "sum": _sum(first[0], second[0]) if second else None,
        "withheld": withheld[0] if withheld else None,
        "ceiling": level.threshold + Z90 * float(level.sigma),
    }


def _sum(first: Mapping[str, object], second: Mapping[str, object]) -> Mapping[str, object]:
    """Two places added up; their errors are at most independent, so the root of squares is on the safe side."""
    numbers = [(float(str(row["panel_value"])), float(str(row["panel_se"]))) for row in (first, second)]
    value, se = numbers[0][0] + numbers[1][0], hypot(numbers[0][1], numbers[1][1])
    return {"other": second, "value": value, "se": se, "low": value - Z90 * se, "high": value + Z90 * se}
