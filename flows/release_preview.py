"""A release at a glance: what share of it is shown, and its largest places hour by hour; protected numbers alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tasks.privacy.release_table import ESTIMATE, OWN_COLUMNS
from tasks.withheld import withheld

if TYPE_CHECKING:
    from tasks.privacy.bounds import LevelRule

PLACES = 8
"""Places of a picture, the largest ones."""
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def shares(table: pa.Table, rules: Sequence["LevelRule"]) -> list[str]:
    """How much of each level is withheld, a line each; levels that are computed have no rule."""
    below = {rule.name: f" as smaller than {rule.threshold}" for rule in rules if rule.threshold}
    levels = table["level"].unique().to_pylist() or list(below)
    return [_share(name, table.filter(pc.equal(table["level"], name)), below.get(name, "")) for name in levels]


def preview(table: pa.Table, level: str) -> list[str]:
    """The largest places of a level of places and hours, a line each; empty for other levels and without numbers."""
    whole = table.filter(pc.equal(table["level"], level))
    keys = [name for name in table.column_names if name not in OWN_COLUMNS and not whole[name].null_count]
    if len(keys) != 2 or not pa.types.is_timestamp(table.schema.field(keys[1]).type):
        return []
    (place, start), rows = keys, whole.filter(pc.equal(whole["status"], ESTIMATE))
    values = {(row[place], row[start]): row["value"] for row in rows.to_pylist()}
    if not values:
        return []
    hours, most = sorted(whole[start].unique().to_pylist()), max(values.values())
    sums = rows.group_by(place).aggregate([("value", "sum")])
    sums = sums.sort_by([("value_sum", "descending"), (place, "ascending")])
    largest = sums[place].to_pylist()[:PLACES]
    width = max(map(len, largest))
    lines = [f"{name:{width}}  {_bars([values.get((name, hour)) for hour in hours], most)}" for name in largest]
    return [
        f"{'':{width}}  {_scale(len(hours))}",
        *lines,
        f"{len(largest)} largest of {len(sums)} {place.removesuffix('_id')}s shown; "
        f"{_BARS[-1]} is {most:,.0f} persons, {_NONE} none shown",
    ]


def _share(level: str, rows: pa.Table, below: str) -> str:
    hidden = withheld(rows)
    return f"{level}: {hidden:,} of {len(rows):,} numbers withheld{_part(hidden, len(rows))}{below}"


def _part(hidden: int, rows: int) -> str:
    """A share as ` (97%)`; all but a few are not 100 %."""
    if not rows:
        return ""
    share = f"{hidden / rows:.0%}"
    return " (over 99%)" if share == "100%" and hidden < rows else f" ({share})"


def _bars(values: Sequence[float | None], most: float) -> str:
    last = len(_BARS) - 1
    return "".join(
        _NONE if value is None else _BARS[min(last, max(0, int(value / most * len(_BARS))))] for value in values
    )


def _scale(hours: int) -> str:
    """Every sixth hour of the period, above its bar."""
    return "".join(f"{hour:<6}" for hour in range(0, hours, 6)).rstrip()
