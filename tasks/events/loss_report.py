"""Why rows were not kept: counts by reason, and forms of the values that could not be used; never a value."""

from collections.abc import Iterator, Mapping, Sequence

from tasks.events import duckdb_session
from tasks.events.files import FileGroup
from tasks.events.formats.columns import Column
from tasks.events.read import ReadResult, first_rows
from tasks.events.read_query import row_of
from tasks.events.reasons import Reason
from tasks.events.row_counts import RowCounts
from tasks.events.row_rules import ReadContext
from tasks.events.value_shapes import SAMPLE, commonest_shape

SHOWN = 3
"""Reasons that a sentence names, the most frequent ones."""
TIMES = "times that were not read"
IDS = ("subscriber ids that are not in the panel", "subscriber ids in the panel")
CELLS = ("cell ids that are not in the cell plan", "cell ids in the cell plan")
_MEMORY = "500MB"


def explain_loss(read: ReadResult, panel: int, forms: Mapping[str, str]) -> dict[str, str]:
    """By rule of the gate: where a day's rows went; `panel`: how many subscribers may be counted on the day."""
    times = [
        f"{read.unfit.get(Reason.BAD_TIME, 0):,} of {read.account.total:,} times were not read.",
        *_said(forms, TIMES),
    ]
    found = {"bad_times": times if read.unfit.get(Reason.BAD_TIME) else [], "unusable_cells": _said(forms, *CELLS)}
    everything = [_reasons(read.account, panel), *_said(forms, *IDS), *found["bad_times"], *found["unusable_cells"]]
    return {rule: " ".join(said) for rule, said in {**found, "rows_kept": everything}.items()}


def _reasons(account: RowCounts, panel: int) -> str:
    if not account.total:
        return f"None of the {len(account.rows_in)} files that could be read holds a row."
    most = sorted(account.reasons.items(), key=lambda found: -found[1])[:SHOWN]
    said = f"Of {account.total:,} rows, {', '.join(f'{rows:,} are {reason}' for reason, rows in most)}."
    nobody = "" if panel else " Nobody may be counted on this day: no valid consent of a known adult covers it."
    return said + nobody


def _said(forms: Mapping[str, str], *wanted: str) -> list[str]:
    """The form of unusable values, and of the values they were compared with."""
    if wanted[0] not in forms:
        return []
    return [f'The form of {what} is "{forms[what]}".' for what in wanted if what in forms]


def loss_shapes(groups: Sequence[FileGroup], context: ReadContext) -> dict[str, str]:
    """Forms of what the first file of each group holds that could not be used, and of what it is compared with."""
    found: dict[str, str] = {}
    with duckdb_session.connect(_MEMORY, 1, None) as con:
        for group in groups:
            columns = first_rows(con, group, SAMPLE)
            for what, relation, text, parameters in _questions(group, context, columns):
                if what not in found and (form := commonest_shape(con, relation, text, parameters)):
                    found[what] = form
    return found


def _questions(
    group: FileGroup, context: ReadContext, columns: Mapping[str, Column]
) -> Iterator[tuple[str, str, str, dict[str, object]]]:
    """What to say, and the relation, SQL text and parameters that its form is taken from."""
    row = row_of(group, context, columns)
    if row.micros is None:
        written = " || ' ' || ".join(columns[name].text() for name in group.format.time.column)
        yield TIMES, f"(FROM first_rows WHERE {row.has_time} AND {row.seconds} IS NULL)", written, {}
    for (outside, inside), column, register, name in (
        (IDS, row.subscriber, context.panel, "subscriber_id"),
        (CELLS, row.cell, context.cells, "cell_id"),
    ):
        known: dict[str, object] = {"register": duckdb_session.exactly(register)}
        strange = f"(FROM first_rows WHERE {column} NOT IN (SELECT {name} FROM read_parquet($register)))"
        yield outside, strange, column, known
        yield inside, "read_parquet($register)", name, known
