"""The one query of reading: rows of a group of files with subscriber and cell looked up; each row by itself."""

from dataclasses import replace

from tasks.events import duck
from tasks.events.files import FileGroup, source
from tasks.events.formats.columns import Column, Expressions
from tasks.events.formats.detect import by_format
from tasks.events.formats.expressions import expressions, kinds
from tasks.events.judge import BAD_PLMN, BAD_TIME, BLANK, BROKEN, NOT_TODAY, STRANGER, UNKNOWN, Prepared

_BLANKS = f"(SELECT repeat(' ', CAST(n AS INTEGER)) AS id, {BLANK} AS rank FROM range(65) AS spaces(n))"
"""Blank ids, found by the same join as all others: a string function over every row would cost a quarter of reading."""


def query(group: FileGroup, prepared: Prepared) -> tuple[str, dict[str, object], int]:
    """SQL of rank, cell, ticks, flags, file and row of every row of the group; its parameters; ticks a second."""
    paths = [file.path for file in group.files]
    table, parameters, columns = source(paths, group.kind, group.columns, quoted=group.quoted)
    there = by_format(tuple(columns), tuple(kinds(group.format)))
    used = {name: replace(columns[own], null_words=group.format.null_words) for name, own in there.items()}
    row = expressions(group.format, used, prepared.clock(group.label, group.format.time.timezone))
    number = "CAST(file_row_number AS UINTEGER)" if group.kind == ".parquet" else "-1"
    sql = f"""
    WITH panel AS (SELECT subscriber_id AS id, CAST(file_row_number AS INTEGER) AS rank
                   FROM read_parquet($panel, file_row_number=true)),
    member AS (FROM panel UNION ALL FROM {_BLANKS} WHERE id NOT IN (SELECT id FROM panel)),
    plan AS (SELECT cell_id AS id, coalesce(min(version) FILTER (WHERE version >= 0), {NOT_TODAY}) AS rank
             FROM read_parquet($cells) GROUP BY cell_id),
    cell AS (FROM plan UNION ALL FROM {_BLANKS} WHERE id NOT IN (SELECT id FROM plan)),
    event AS (SELECT {row.subscriber} AS subscriber, {row.cell} AS cell, {_ticks(row)} AS ticks,
              CAST({_flags(row, [] if group.quoted else [*used.values()])} AS TINYINT) AS flags,
              CAST(file_index AS INTEGER) AS file, {number} AS row FROM {table})
    SELECT coalesce(member.rank, CASE WHEN subscriber IS NULL THEN {BLANK} ELSE {STRANGER} END) AS rank,
           coalesce(cell.rank, CASE WHEN event.cell IS NULL THEN {BLANK} ELSE {UNKNOWN} END) AS cell,
           ticks, flags, file, row
    FROM event LEFT JOIN member ON event.subscriber = member.id LEFT JOIN cell ON event.cell = cell.id
    """
    parameters |= {"panel": duck.exactly(prepared.panel), "cells": duck.exactly(prepared.cells)}
    return sql, parameters, 1_000_000 if row.micros else 1


def _ticks(row: Expressions) -> str:
    """SQL of the time: microseconds as they are in the file where they are, else seconds; NULL where there is none."""
    return row.micros or f"CASE WHEN {row.has_time} THEN coalesce({row.seconds}, {BAD_TIME}) END"


def _flags(row: Expressions, unquoted: list[Column]) -> str:
    """SQL of the row's flags; a quote in a column of a file read without quotes means that a line was torn."""
    bad_plmn = "0" if row.plmn_ok == "true" else f"(CASE WHEN {row.plmn_ok} THEN 0 ELSE {BAD_PLMN} END)"
    torn = (f"(CASE WHEN contains({column.sql}, '\"') THEN {BROKEN} ELSE 0 END)" for column in unquoted)
    return " | ".join([bad_plmn, *torn])
