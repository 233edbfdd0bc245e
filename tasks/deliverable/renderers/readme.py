"""README.md of a delivery: how to read it, in plain words, with an example from its own rows."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time
from math import hypot
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.deliverable.changes import SENTENCES
from tasks.deliverable.columns import DataColumn, columns, status_meanings
from tasks.deliverable.markdown import plain, template
from tasks.deliverable.number_columns import INTERVAL
from tasks.deliverable.renderers.parquet import RENDERER as PARQUET
from tasks.deliverable.renderers.spec import Renderer, RenderInput
from tasks.deliverable.serialisation import instant
from tasks.deliverable.statements import (
    COMPOSITION,
    DERIVED_MECHANISM,
    IN_WORDS,
    MECHANISM,
    UNIT,
    additions,
    clock_change,
    missing_rows,
    never_add,
)
from tasks.deliverable.table import expected_lifted, status_counts
from tasks.deliverable.verifier.signatures import key_id
from tasks.deliverable.view import DimensionView, LevelView, ReleaseView, RowStatus

Z90 = 1.645
"""Half width of a 90 % interval in standard errors, as a reader would type it."""

Row = Mapping[str, Any]


def readme(content: RenderInput) -> bytes:
    """The read-me in bytes."""
    release, first = content.release, content.release.tables[0]
    text = template("README.md.jinja").render(
        release=release,
        plan=content.plan,
        grant=content.grant,
        delivery=content.delivery,
        changes=content.changes,
        path=content.path,
        reference=content.reference,
        shared=[each for each in content.renderers if each.below == "reference"],
        rows=content.rows,
        zones=len(content.places.zones),
        tables=[(table, PARQUET.path(content.of(table))) for table in release.tables],
        columns=_columns(release),
        content=content,
        counts=[
            (level, status_counts(data := content.tables[table.name], level.name), expected_lifted(data, level))
            for table in release.tables
            for level in table.levels
        ],
        districts_missing=any(level.of_districts and not content.places.keys(level) for level in release.levels),
        interval=INTERVAL,
        example=_example(content.tables[first.name], first.levels[0]),
        hidden=sorted({d.column for level in release.levels for d in level.dimensions if d.hidden}),
        asked=[each for each in content.renderers if each.on_request],
        key_id=key_id(content.public_key),
        by_zone=_adds_zones(first.levels[0]),
        **_measured(release),
        **_stated(release),
        **_functions(),
    )
    return text.encode()


def _functions() -> dict[str, Callable[..., object]]:
    """What the template calls."""
    return {
        "where": _where,
        "when": _when,
        "place": _place,
        "cells": _cells,
        "additions": additions,
        "missing_rows": missing_rows,
    }


def _measured(release: ReleaseView) -> dict[str, object]:
    """What the levels measure, and how they come by their numbers."""
    return {
        "quantities": list(dict.fromkeys(table.quantity for table in release.tables)),
        "thresholds": any(level.threshold for level in release.levels),
        "drawn": [level for level in release.levels if level.sigma],
        "computed": [level.name for level in release.levels if level.sigma is None],
    }


def _stated(release: ReleaseView) -> dict[str, object]:
    """Sentences, most of which other files state too."""
    return {
        "sentences": SENTENCES,
        "meanings": status_meanings(release),
        "unit": UNIT,
        "mechanism": DERIVED_MECHANISM if release.inputs else MECHANISM,
        "in_words": IN_WORDS.format(guesses=release.privacy.month_cap_guesses),
        "composition": COMPOSITION,
        "clock_change": clock_change(release),
        "never_add": never_add(release),
    }


def _columns(release: ReleaseView) -> dict[DataColumn, list[str]]:
    """Each column once, without what differs between tables, and the tables that have it."""
    found: dict[DataColumn, list[str]] = {}
    for table in release.tables:
        for column in columns(release, table):
            found.setdefault(replace(column, values=(), example=None), []).append(table.name)
    return found


def _example(data: pa.Table, level: LevelView) -> Row:
    """A row of median size, whose noise is typical; its neighbour; and a withheld row."""
    rows = data.filter(pc.equal(data["level"], level.name))
    shown = rows.filter(pc.equal(rows["status"], RowStatus.ESTIMATE)).sort_by(level.quantity.name)
    row = _first(shown.slice(shown.num_rows // 2))
    value, low, high = (row[name] for name in level.quantity.columns) if row else (0, 0, 0)
    return {
        "level": level,
        "row": row,
        "numbers": {"value": value, "low": low, "high": high},
        "percent": 50 * (high - low) / value if value else None,
        "sum": _sum(shown, level, row) if row else None,
        "withheld": _first(rows.filter(pc.equal(rows["status"], RowStatus.WITHHELD_SMALL))),
        "ceiling": level.threshold + Z90 * float(level.sigma) if level.sigma else None,
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
        "low": value - Z90 * se,
        "high": value + Z90 * se,
    }


def _neighbour(shown: pa.Table, level: LevelView, row: Row, over: DimensionView) -> Row | None:
    """The first other row with a number whose key differs in one dimension only."""
    for column in level.columns:
        differs = pc.not_equal if column == over.column else pc.equal
        shown = shown.filter(differs(shown[column], pa.scalar(row[column], shown[column].type)))
    return _first(shown.sort_by(over.column))


def _adds_zones(level: LevelView) -> bool:
    """Whether the sum of a level's zones is the total of their district."""
    return [d.name in level.additive for d in level.dimensions if d.granted_by] == [True] and not level.of_districts


def _cells(level: LevelView, row: Row) -> list[tuple[str, str]]:
    """The key columns of a row, for a table."""
    cells = []
    for dimension in level.dimensions:
        value = row[dimension.column]
        cells.append((dimension.column, instant(value) if isinstance(value, datetime) else str(value)))
        if dimension.granted_by:
            cells.append((dimension.name_column, plain(row[dimension.name_column])))
        if dimension.is_instant:
            cells += [(name, str(row[name])) for name in ("local_date", dimension.local_column)]
    return cells


def _place(dimension: DimensionView, row: Row) -> str:
    return f"{plain(row[dimension.name_column])} (`{row[dimension.column]}`)"


def _where(level: LevelView, row: Row) -> str:
    """Every key of a row but the instant: its places, then the other columns with their names."""
    places = [f"{d.preposition}{_place(d, row)}" for d in level.dimensions if d.granted_by]
    others = [f"{d.column} {row[d.column]}" for d in level.dimensions if not d.granted_by and not d.is_instant]
    return ", ".join([*([" ".join(places)] if places else []), *others])


def _when(level: LevelView, row: Row) -> str:
    """From when to when on the local clock; empty for a level without instants."""
    if level.instant is None:
        return ""
    starts, hour = level.instant.values, row[level.instant.local_column]
    begin = datetime.combine(row["local_date"], time(hour))
    return f"{begin:%H:%M} to {begin + (starts[1] - starts[0]):%H:%M}"


RENDERER = Renderer("readme", "README.md", "text/markdown; charset=utf-8", "how to read the delivery", readme)
