"""A release at a glance: what share of it is shown, and its largest places hour by hour; protected numbers alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from tasks.privacy.bounds import LevelRule

PLACES = 8
"""Places of a picture, the largest ones."""
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def shares(table: pa.Table, rules: Sequence["LevelRule"]) -> list[str]:
    """How much of each level is withheld, a line each."""
    return [_share(table.filter(pc.equal(table["level"], rule.name)), rule) for rule in rules]


def withheld(table: pa.Table) -> int:
    """Rows whose number is too small to be shown."""
    return int(pc.sum(pc.equal(table["status"], "withheld_small")).as_py() or 0)


def preview(table: pa.Table, level: str) -> list[str]:
    """The largest places of a level with hours, a line each; nothing where none of its numbers is shown."""
    if not {"zone_id", "hour"} <= set(table.column_names):
        return []
    rows = table.filter(pc.and_(pc.equal(table["level"], level), pc.is_valid(table["value"])))
    values = {
        (row["zone_id"], row["hour"]): row["value"] for row in rows.select(["zone_id", "hour", "value"]).to_pylist()
    }
    if not values:
        return []
    hours, most = pc.max(table["hour"]).as_py() + 1, max(values.values())
    sums = (
        rows.group_by("zone_id")
        .aggregate([("value", "sum")])
        .sort_by([("value_sum", "descending"), ("zone_id", "ascending")])
    )
    largest = sums["zone_id"].to_pylist()[:PLACES]
    width = max(map(len, largest))
    lines = [f"{zone:{width}}  {_bars([values.get((zone, hour)) for hour in range(hours)], most)}" for zone in largest]
    return [
        f"{'':{width}}  {_scale(hours)}",
        *lines,
        f"{len(largest)} largest of {len(sums)} zones shown; {_BARS[-1]} is {most:,.0f} persons, {_NONE} none shown",
    ]


def _share(rows: pa.Table, rule: "LevelRule") -> str:
    hidden = withheld(rows)
    share = f" ({hidden / len(rows):.0%})" if len(rows) else ""
    below = f" as smaller than {rule.threshold}" if rule.threshold else ""
    return f"{rule.name}: {hidden:,} of {len(rows):,} numbers withheld{share}{below}"


def _bars(values: Sequence[float | None], most: float) -> str:
    last = len(_BARS) - 1
    return "".join(
        _NONE if value is None else _BARS[min(last, max(0, int(value / most * len(_BARS))))] for value in values
    )


def _scale(hours: int) -> str:
    """Every sixth hour of the period, above its bar."""
    return "".join(f"{hour:<6}" for hour in range(0, hours, 6)).rstrip()
