"""README.md of a delivery: how to read it, in plain words, with an example from its own rows."""

import re
from collections.abc import Mapping
from functools import cache
from math import hypot
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tasks.deliverable.columns import INTERVAL, STATUS_MEANINGS, columns
from tasks.deliverable.contract import PERMITTED_USE
from tasks.deliverable.manifest import BASIS, CSV, MECHANISM, UNIT, status_counts
from tasks.deliverable.signature import key_id
from tasks.deliverable.view import DeliveryView, GrantView, LevelView, ReleaseView, RowStatus, ZonesView

Z90 = 1.645
"""Half width of a 90 % interval in standard errors, as a reader would type it."""


def readme(
    release: ReleaseView,
    plan: ZonesView,
    grant: GrantView,
    delivery: DeliveryView,
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


def _rows(data: pa.Table, level: LevelView) -> pa.Table:
    return data.filter(pc.equal(data["level"], level.name))


def _example(data: pa.Table, release: ReleaseView) -> Mapping[str, object]:
    """A row of middling size (an extreme one would be extreme by its noise too), its neighbour, and a withheld row."""
    level = release.levels[0]
    rows = _rows(data, level)
    shown = rows.filter(pc.equal(rows["status"], RowStatus.ESTIMATE)).sort_by("panel_value")
    middle = shown.slice(shown.num_rows // 2, 1).to_pylist()
    row = middle[0] if middle else None
    withheld = rows.filter(pc.equal(rows["status"], RowStatus.WITHHELD_SMALL)).slice(0, 1).to_pylist()
    return {
        "level": level,
        "row": row,
        "percent": 100 * Z90 * row["panel_se"] / row["panel_value"] if row else None,
        "sum": _sum(row, _same_hour(shown, row)) if row else None,
        "withheld": withheld[0] if withheld else None,
        "ceiling": level.threshold + Z90 * float(level.sigma),
    }


def _same_hour(shown: pa.Table, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first other place with a number in the same hour."""
    alike = pc.and_(pc.equal(shown["hour_start"], row["hour_start"]), pc.not_equal(shown["zone_id"], row["zone_id"]))
    return next(iter(shown.filter(alike).sort_by("zone_id").slice(0, 1).to_pylist()), None)


def _sum(row: Mapping[str, Any], other: Mapping[str, Any] | None) -> Mapping[str, object] | None:
    """Two places added up; reconciled errors are never positively correlated, so the root of squares is safe."""
    if other is None:
        return None
    value, se = row["panel_value"] + other["panel_value"], hypot(row["panel_se"], other["panel_se"])
    return {"other": other, "value": value, "se": se, "low": value - Z90 * se, "high": value + Z90 * se}
