"""The row rules as one SQL query: each row of a group of files gets its key and the first reason that applies."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from tasks.errors import StepFailed
from tasks.events import duck
from tasks.events.clock import Clock
from tasks.events.files import FileGroup, source
from tasks.events.formats import FORMATS
from tasks.events.formats.columns import Column, Expressions
from tasks.events.keys import REASON_SECOND, SECOND_SHIFT, SUBSCRIBER_SHIFT
from tasks.events.reasons import READ_REASONS, Reason
from tasks.period import day_start
from tasks.policy import Time

KEPT = 0
CODES = (*READ_REASONS, Reason.MISSING_SUBSCRIBER, Reason.UNREADABLE_ROW)
"""A row's code is 0 when kept, else 1 + its reason's place here."""
_SQL = {reason.name.lower(): code for code, reason in enumerate(CODES, 1)}


@dataclass(frozen=True)
class Prepared:
    """What reading a day needs besides event files: the policy's times, and the files of its panel and cells.

    Panel (sorted by pseudonym) and cells carry seconds since the local day's start.
    """

    day: date
    time: Time
    panel: Path
    cells: Path

    def second_of(self, day: date) -> int:
        """Seconds from this day's start to the start of another local day."""
        return int((day_start(day, self.time.local) - self.start).total_seconds())

    @property
    def start(self) -> datetime:
        """The instant at which the local day starts."""
        return day_start(self.day, self.time.local)

    def span(self, label: date) -> tuple[date, date]:
        """First and last local day that a folder may hold without its rows being far away."""
        return label - timedelta(days=self.time.lateness_days + 1), label + timedelta(days=1)

    def clock(self, label: date) -> Clock:
        """The landing's clock over a folder's span and two days around it."""
        first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in self.span(label))
        return Clock.over(self.time.landing, first - timedelta(days=2), last + timedelta(days=3))


def create_cells(con: duckdb.DuckDBPyConnection, cells: Path) -> bool:
    """Tables `cells`, one row an id, and `versions` of the ids that have several; true if there are such ids."""
    con.execute(
        """
        CREATE TEMP TABLE plan AS SELECT cell_id, version,
            CASE WHEN version < 0 THEN 0 ELSE from_second END AS from_second,
            CASE WHEN version < 0 THEN 0 ELSE to_second END AS to_second FROM read_parquet($cells);
        """,
        {"cells": duck.exactly(cells)},
    )
    con.execute(
        """
        CREATE TEMP TABLE cells AS SELECT cell_id, count(*) > 1 AS several, min(version) AS version,
            CASE WHEN several THEN 0 ELSE min(from_second) END AS from_second,
            CASE WHEN several THEN 0 ELSE min(to_second) END AS to_second FROM plan GROUP BY cell_id;
        CREATE TEMP TABLE versions AS SELECT plan.* FROM plan JOIN cells USING (cell_id) WHERE several;
        """
    )
    overlaps = con.execute(
        """
        SELECT count(*) FROM versions a JOIN versions b ON a.cell_id = b.cell_id AND a.version < b.version
        WHERE a.from_second < b.to_second AND b.from_second < a.to_second
        """
    ).fetchall()
    if overlaps != [(0,)]:
        raise StepFailed("read: a cell has two versions at one time.", "Report it with the version of Throng.")
    return con.execute("SELECT count(*) FROM versions").fetchall() != [(0,)]


def query(group: FileGroup, prepared: Prepared, *, several_versions: bool) -> tuple[str, dict[str, object]]:
    """SQL (and its parameters) of key, code, file index and row number of every row of the group."""
    paths = [file.path for file in group.files]
    table, parameters, columns = source(paths, group.kind, group.columns, quoted=group.quoted)
    row = FORMATS[group.format].expressions(columns, prepared.clock(group.label))
    versions = (
        """LEFT JOIN versions ON CASE WHEN cells.several THEN event.cell END = versions.cell_id
           AND event.second >= versions.from_second AND event.second < versions.to_second"""
        if several_versions
        else ""
    )
    picked = ", ".join(
        f"coalesce(versions.{name}, cells.{name}) AS {alias}" if several_versions else f"cells.{name} AS {alias}"
        for name, alias in (("version", "version"), ("from_second", "valid_from"), ("to_second", "valid_to"))
    )
    sql = f"""
    WITH event AS ({_event(group, row, columns, prepared)} FROM {table}),
    panel AS (SELECT subscriber_id, file_row_number AS rank, from_second, to_second
              FROM read_parquet($panel, file_row_number=true)),
    joined AS (
        SELECT event.*, rank, panel.from_second AS consent_from, panel.to_second AS consent_to, {picked}
        FROM event LEFT JOIN panel ON event.subscriber = panel.subscriber_id
        LEFT JOIN cells ON event.cell = cells.cell_id {versions}),
    judged AS (SELECT *, {_reason(group, prepared)} AS code FROM joined)
    SELECT {_KEY} AS key, CAST(file * {len(CODES) + 1} + code AS INTEGER) AS file_code, row FROM judged
    """
    return sql, {**parameters, "panel": duck.exactly(prepared.panel)}


_KEY = f"""
    CASE WHEN code = {KEPT} THEN (rank << {SUBSCRIBER_SHIFT}) | (second << {SECOND_SHIFT}) | CAST(version AS BIGINT)
         WHEN code > {len(READ_REASONS)} OR rank IS NULL THEN -1
         ELSE (rank << {SUBSCRIBER_SHIFT}) | CAST({REASON_SECOND << SECOND_SHIFT} + code - 1 AS BIGINT) END
"""


def _event(group: FileGroup, row: Expressions, columns: dict[str, Column], prepared: Prepared) -> str:
    """SELECT of what is judged of a row."""
    used = [columns[name].sql for name in FORMATS[group.format].used if name in columns]
    broken = "false" if group.quoted else " OR ".join(f"coalesce(contains({column}, '\"'), false)" for column in used)
    number = "file_row_number + 1" if group.kind == ".parquet" else "-1::BIGINT"
    start = int(prepared.start.timestamp())
    return f"""
        SELECT {row.subscriber} AS subscriber, {row.has_time} AS has_time, {row.seconds} - {start} AS second,
            {row.cell} AS cell, coalesce({row.plmn_ok}, false) AS plmn_ok, ({broken}) AS broken,
            file_index AS file, {number} AS row
    """


def _reason(group: FileGroup, prepared: Prepared) -> str:
    """CASE of the code of the first reason that applies, in the order of judgement (PRIVACY 1)."""
    first, last = prepared.span(group.label)
    near = f"second >= {prepared.second_of(first)} AND second < {prepared.second_of(last + timedelta(days=1))}"
    length = prepared.second_of(prepared.day + timedelta(days=1))
    return """
        CASE WHEN broken THEN {unreadable_row}
             WHEN rank IS NULL AND coalesce(trim(subscriber), '') = '' THEN {missing_subscriber}
             WHEN rank IS NULL THEN {no_consent}
             WHEN NOT has_time THEN {missing_time}
             WHEN second IS NULL THEN {bad_time}
             WHEN second >= 0 AND second < {length} THEN CASE
                 WHEN second < consent_from OR second >= consent_to THEN {no_consent}
                 WHEN version IS NULL AND coalesce(trim(cell), '') = '' THEN {missing_cell}
                 WHEN version IS NULL THEN {unknown_cell}
                 WHEN second < valid_from OR second >= valid_to THEN {expired_cell}
                 WHEN NOT plmn_ok THEN {bad_plmn}
                 ELSE {kept} END
             WHEN {near} THEN {other_day}
             ELSE {outside_day} END
    """.format(**_SQL, kept=KEPT, length=length, near=near)
