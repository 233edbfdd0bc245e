"""The read-me's example: a row of the delivery's own, as a reader would read it."""

from collections.abc import Mapping
from datetime import datetime, time
from math import hypot
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.columns import columns
from tasks.deliverable.level_view import DimensionView, LevelView, TableView
from tasks.deliverable.markdown import plain
from tasks.deliverable.serialisation import instant
from tasks.deliverable.view import ReleaseView, RowStatus
from tasks.interval import Z90

HALF_WIDTH = round(Z90, 3)
"""Half width of a 90 % interval in standard errors, as a reader would type it."""

Row = Mapping[str, Any]


def example(release: ReleaseView, table: TableView, data: pa.Table) -> Row:
    """A row of median size, whose noise is typical; its neighbour; and a withheld row: of a table's first level."""
    level = table.levels[0]
    rows = data.filter(pc.equal(data["level"], level.name))
    shown = rows.filter(pc.equal(rows["status"], RowStatus.ESTIMATE)).sort_by(level.quantity.name)
    row = _first(shown.slice(shown.num_rows // 2))
    value, low, high = (row[name] for name in level.quantity.columns) if row else (0, 0, 0)
    return {
        "level": level,
        "row": row,
        "cells": _cells(release, table, row) if row else [],
        "numbers": {"value": value, "low": low, "high": high},
        "percent": 50 * (high - low) / value if value else None,
        "sum": _sum(shown, level, row) if row else None,
        "withheld": _first(rows.filter(pc.equal(rows["status"], RowStatus.WITHHELD_SMALL))),
        "ceiling": level.threshold + HALF_WIDTH * float(level.sigma) if level.sigma else None,
    }


def _first(rows: pa.Table) -> Row | None:
    return next(iter(rows.slice(0, 1).to_pylist()), None)


def _sum(shown: pa.Table, level: LevelView, row: Row) -> Row | None:
    """The sum of the row and its first neighbour along an additive dimension of places.

    Errors after consistency are never positively correlated, so the root of squares is safe.
    """
    over = next((d for d in level.dimensions if d.granted_by and d.name in level.additive), None)
    other = _neighbour(shown, level, row, over) if over else None
    if over is None or other is None:
        return None
    terms, se = [each[level.quantity.name] for each in (row, other)], hypot(row["se"], other["se"])
    value = sum(terms)
    return {
        "over": over,
        "other": other,
        "terms": terms,
        "value": value,
        "se": se,
        "low": value - HALF_WIDTH * se,
        "half_width": HALF_WIDTH,
        "high": value + HALF_WIDTH * se,
    }


def _neighbour(shown: pa.Table, level: LevelView, row: Row, over: DimensionView) -> Row | None:
    """The first other row with a number whose key differs in one dimension only."""
    for column in level.columns:
        differs = pc.not_equal if column == over.column else pc.equal
        shown = shown.filter(differs(shown[column], pa.scalar(row[column], shown[column].type)))
    return _first(shown.sort_by(over.column))


def _cells(release: ReleaseView, table: TableView, row: Row) -> list[tuple[str, str, bool]]:
    """Each filled column of a row but the level and the offset from UTC: its name, its text, whether it is a number."""
    other = ("level", "utc_offset_minutes")
    shown = [each for each in columns(release, table) if each.name not in other and row[each.name] is not None]
    return [(each.name, _text(row[each.name]), not pa.types.is_string(each.type)) for each in shown]


def _text(value: object) -> str:
    return instant(value) if isinstance(value, datetime) else plain(str(value))


def place(dimension: DimensionView, row: Row) -> str:
    """A place's name and id."""
    return f"{plain(row[dimension.name_column])} (`{row[dimension.column]}`)"


def where(level: LevelView, row: Row) -> str:
    """Every key of a row but the instant: its places, then the other columns with their names."""
    places = [f"{d.preposition}{place(d, row)}" for d in level.dimensions if d.place]
    others = [f"{d.column} {row[d.column]}" for d in level.dimensions if not d.place and not d.is_instant]
    return ", ".join([*([" ".join(places)] if places else []), *others])


def when(level: LevelView, row: Row) -> str:
    """From when to when on the local clock; empty for a level without instants."""
    if level.instant is None:
        return ""
    starts, hour = level.instant.values, row[level.instant.local_column]
    begin = datetime.combine(row["local_date"], time(hour))
    usual = starts[2] - starts[1]  # clocks change before
    return f"{begin:%H:%M} to {begin + usual:%H:%M}"
