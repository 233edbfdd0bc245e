"""The one query of reading: rows of a table of events with subscriber and cell looked up; each row by itself."""

from collections.abc import Mapping
from dataclasses import replace

from tasks.events import duck
from tasks.events.files import FileGroup
from tasks.events.formats.columns import Column, Expressions
from tasks.events.formats.expressions import expressions
from tasks.events.judge import BAD_PLMN, BAD_TIME, BLANK, NOT_TODAY, STRANGER, UNKNOWN, Prepared

_BLANKS = f"(SELECT repeat(' ', CAST(n AS INTEGER)) AS id, {BLANK} AS rank FROM range(65) AS spaces(n))"
"""Blank ids, found by the same join as all others: a string function over every row would cost a quarter of reading."""


def row_of(group: FileGroup, prepared: Prepared, columns: Mapping[str, Column]) -> Expressions:
    """What reading needs of a row of the group, as SQL over its used columns, by the format's name of each."""
    used = {name: replace(column, null_words=group.format.null_words) for name, column in columns.items()}
    return expressions(group.format, used, prepared.clock(group.label, group.format.time.timezone))


def query(
    group: FileGroup, prepared: Prepared, table: str, columns: Mapping[str, Column]
) -> tuple[str, dict[str, object], int]:
    """SQL of rank, cell, ticks, flags, file and row (from 0) of every row of a table; its parameters; ticks a second.

    `table`: SQL of the group's rows, with `file_index` and `file_row_number`; `columns`: its used ones, by the format's
    name of each.
    """
    row = row_of(group, prepared, columns)
    sql = f"""
    WITH panel AS (SELECT subscriber_id AS id, CAST(file_row_number AS INTEGER) AS rank
                   FROM read_parquet($panel, file_row_number=true)),
    member AS (FROM panel UNION ALL FROM {_BLANKS} WHERE id NOT IN (SELECT id FROM panel)),
    plan AS (SELECT cell_id AS id, coalesce(min(version) FILTER (WHERE version >= 0), {NOT_TODAY}) AS rank
             FROM read_parquet($cells) GROUP BY cell_id),
    cell AS (FROM plan UNION ALL FROM {_BLANKS} WHERE id NOT IN (SELECT id FROM plan)),
    event AS (SELECT {row.subscriber} AS subscriber, {row.cell} AS cell, {_ticks(row)} AS ticks,
              CAST({_flags(row)} AS TINYINT) AS flags, CAST(file_index AS INTEGER) AS file,
              CAST(file_row_number AS UINTEGER) AS row FROM {table})
    SELECT coalesce(member.rank, CASE WHEN subscriber IS NULL THEN {BLANK} ELSE {STRANGER} END) AS rank,
           coalesce(cell.rank, CASE WHEN event.cell IS NULL THEN {BLANK} ELSE {UNKNOWN} END) AS cell,
           ticks, flags, file, row
    FROM event LEFT JOIN member ON event.subscriber = member.id LEFT JOIN cell ON event.cell = cell.id
    """
    parameters: dict[str, object] = {"panel": duck.exactly(prepared.panel), "cells": duck.exactly(prepared.cells)}
    return sql, parameters, 1_000_000 if row.micros else 1


def _ticks(row: Expressions) -> str:
    """SQL of the time: microseconds as they are in the file where they are, else seconds; NULL where there is none."""
    return row.micros or f"CASE WHEN {row.has_time} THEN coalesce({row.seconds}, {BAD_TIME}) END"


def _flags(row: Expressions) -> str:
    """SQL of the row's flags."""
    return "0" if row.plmn_ok == "true" else f"(CASE WHEN {row.plmn_ok} THEN 0 ELSE {BAD_PLMN} END)"
