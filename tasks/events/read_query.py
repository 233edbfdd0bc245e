"""The one query of reading: rows of a table of events with subscriber and cell looked up; each row by itself."""

from collections.abc import Mapping
from dataclasses import replace

from tasks.events import duckdb_session, nearest_cell
from tasks.events.files import FileGroup
from tasks.events.formats import ids
from tasks.events.formats.columns import Column, Expressions, trimmed
from tasks.events.formats.expressions import expressions
from tasks.events.row_rules import (
    ABROAD,
    BAD_PLMN,
    BAD_TIME,
    BLANK,
    NOT_IN_PANEL,
    NOT_TODAY,
    PADDED,
    UNKNOWN,
    ReadContext,
)


def row_of(group: FileGroup, context: ReadContext, columns: Mapping[str, Column]) -> Expressions:
    """What reading needs of a row of the group, as SQL over its used columns, by the format's name of each."""
    used = {name: replace(column, null_words=group.format.null_words) for name, column in columns.items()}
    clock = context.clock(group.label, group.format.time.timezone)
    hexadecimal = group.ids.binary == "hex"
    return expressions(group.format, used, clock, hexadecimal=hexadecimal, home_mcc=context.home_mcc)


def query(
    group: FileGroup, context: ReadContext, table: str, columns: Mapping[str, Column]
) -> tuple[str, dict[str, object], int]:
    """SQL of rank, cell, ticks, flags, file and row (from 0) of every row of a table; its parameters; ticks a second.

    `table`: SQL of the group's rows, with `file_index` and `file_row_number`; `columns`: its used ones, by the format's
    name of each.
    """
    row = row_of(group, context, columns)
    subscriber, rank = _subscriber(group, row)
    cell = f"nullif({trimmed(row.cell)}, '')" if group.padded or row.latitude else row.cell
    # microseconds as they are in the file where they are, else seconds; NULL where there is no time
    ticks = row.micros or f"CASE WHEN {row.has_time} THEN coalesce({row.seconds}, {BAD_TIME}) END"
    sql = f"""
    WITH panel AS (SELECT {_folded("subscriber_id", row)} AS id, CAST(file_row_number AS INTEGER) AS rank
                   FROM read_parquet($panel, file_row_number=true)),
    member AS (SELECT * FROM panel {"QUALIFY count(*) OVER (PARTITION BY id) = 1" if row.folds else ""}),
    cell AS (SELECT cell_id AS id, coalesce(min(version) FILTER (WHERE version >= 0), {NOT_TODAY}) AS rank
             FROM read_parquet($cells) GROUP BY cell_id),
    {nearest_cell.tables(group.format.cell) if row.latitude else ""}
    event AS (SELECT {subscriber} AS subscriber, {cell} AS cell, {ticks} AS ticks,
              CAST(CASE WHEN {row.plmn_ok} THEN 0 ELSE {BAD_PLMN} END AS TINYINT) AS flags,
              CAST(file_index AS INTEGER) AS file, CAST(file_row_number AS UINTEGER) AS row, {row.foreign} AS abroad,
              {row.latitude or "NULL"} AS latitude, {row.longitude or "NULL"} AS longitude FROM {table})
    SELECT {rank} AS rank, {_cell(group, row)} AS cell, ticks, flags, file, row
    FROM event LEFT JOIN member ON event.subscriber = member.id LEFT JOIN cell ON event.cell = cell.id
    {nearest_cell.join("event.cell IS NULL") if row.latitude else ""}
    """
    parameters: dict[str, object] = {
        "panel": duckdb_session.exactly(context.panel),
        "cells": duckdb_session.exactly(context.cells),
    }
    return sql, parameters, 1_000_000 if row.micros else 1


def _subscriber(group: FileGroup, row: Expressions) -> tuple[str, str]:
    """SQL of the subscriber as it is joined, and of the rank in the panel; to trim every id costs a quarter of reading.

    Without that, only an id longer than the panel's shortest can be one with blanks around it.
    """
    if group.padded or row.folds or ids.rewrites(group.ids):
        joined = f"nullif({_folded(ids.compared(trimmed(row.subscriber), group.ids), row)}, '')"
        not_in_panel = str(NOT_IN_PANEL)
    else:
        suspect = "(strlen(subscriber) > (SELECT min(strlen(id)) FROM panel) OR subscriber < '!' OR subscriber > '~')"
        joined = row.subscriber
        not_in_panel = f"CASE WHEN {suspect} THEN {_unfound('subscriber', NOT_IN_PANEL)} ELSE {NOT_IN_PANEL} END"
    return joined, f"coalesce(member.rank, CASE WHEN subscriber IS NULL THEN {BLANK} ELSE {not_in_panel} END)"


def _folded(text: str, row: Expressions) -> str:
    return f"lower({text})" if row.folds else text


def _unfound(text: str, otherwise: int) -> str:
    """SQL of what a text means that no table has as it is."""
    return f"CASE {trimmed(text)} WHEN '' THEN {BLANK} WHEN {text} THEN {otherwise} ELSE {PADDED} END"


def _cell(group: FileGroup, row: Expressions) -> str:
    """SQL of the cell's rank: by its id, or the nearest; else what is wrong with it."""
    by_place = f"{nearest_cell.rank(group.format.cell)}, " if row.latitude else ""
    missing = "event.cell IS NULL" + (" AND event.latitude IS NULL" if row.latitude else "")
    unknown = f"WHEN event.cell IS NULL THEN {UNKNOWN} ELSE {_unfound('event.cell', UNKNOWN)}"
    return f"coalesce(cell.rank, {by_place}CASE WHEN abroad THEN {ABROAD} WHEN {missing} THEN {BLANK} {unknown} END)"
