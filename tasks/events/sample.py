"""A bounded sample of a file: what share of it reading would use, and the forms of what it could not read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from tasks.events import duckdb_session, value_shapes
from tasks.events.clock import Clock
from tasks.events.formats.columns import Column, trimmed
from tasks.events.formats.detect import PARQUET, Typed, UnreadableFile, by_format
from tasks.events.formats.expressions import expressions, kinds
from tasks.events.formats.ids import compared
from tasks.events.formats.sections import EventFormat, Ids, Layout
from tasks.events.formats.times import given
from tasks.events.landing_context import LandingContext

ROWS = 10_000
"""Rows of a file that are looked at."""
MEMORY = "500MB"
_CLOCKS_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_CSV = """read_csv($file, columns=$columns, compression=$compression, delim=$delim, header=$header, quote='"',
    escape='"', auto_detect=false, nullstr='', hive_partitioning=false, ignore_errors=true)"""


@dataclass(frozen=True)
class Shares:
    """Of a sample: its rows, and those with an id, a time that is read, and a known cell or coordinates instead."""

    rows: int
    subscribers: int
    times: int
    cells: int
    unread_time: str | None = None
    """The commonest form of times that are not read."""
    people: int | None = None
    """Rows whose subscriber is in the register; None where it cannot be read."""


@contextmanager
def sampled(path: Path, kind: str, layout: Layout, columns: Typed) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose table `sampled` holds a file's first rows as c0, c1 ...; raises UnreadableFile."""
    relation, parameters = rows_of(path, kind, layout, columns)
    with duckdb_session.connect(MEMORY, 1, None) as con:  # of several threads, which rows are the first would be chance
        try:
            con.execute(f"CREATE TEMP TABLE sampled AS SELECT * FROM {relation} LIMIT {ROWS}", parameters)
        except duckdb.Error as error:
            duckdb_session.raise_unless_the_files(error)
            raise UnreadableFile("it is damaged: its rows cannot be read") from None
        yield con


def rows_of(path: Path, kind: str, layout: Layout, columns: Typed) -> tuple[str, dict[str, object]]:
    """SQL of a file's rows, its columns named c0, c1 ..., and its parameters."""
    parameters: dict[str, object] = {"file": duckdb_session.exactly(path)}
    if kind == PARQUET:
        names = ", ".join(f"{duckdb_session.name(name)} AS c{place}" for place, (name, _) in enumerate(columns))
        return f"(SELECT {names} FROM read_parquet($file, hive_partitioning=false))", parameters
    return _CSV, parameters | {
        "columns": {f"c{place}": "VARCHAR" for place in range(len(columns))},
        "compression": {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower(), "none"),
        "delim": layout.separator,
        "header": layout.header,
    }


def placed(columns: Typed) -> dict[str, Column]:
    """The columns of `sampled`, by the file's names."""
    return {name: Column(f"c{place}", type_) for place, (name, type_) in enumerate(columns)}


def any_time(zone: ZoneInfo) -> Clock:
    """The clock of a timezone over all times of events and registers."""
    return Clock.over(zone, _CLOCKS_FROM, datetime(datetime.now(UTC).year + 2, 1, 1, tzinfo=UTC))


def shares(
    con: duckdb.DuckDBPyConnection, format_: EventFormat, columns: Typed, zone: ZoneInfo, context: LandingContext
) -> Shares:
    """What reading would make of the table `sampled`; where `context` knows no cells, any cell is as good."""
    own = placed(columns)
    there = by_format(tuple(own), tuple(kinds(format_)))
    used = {name: replace(own[file_name], null_words=format_.null_words) for name, file_name in there.items()}
    row = expressions(format_, used, any_time(format_.time.timezone or zone))
    con.register("known", pa.table({"id": pa.array(context.cells or [], pa.string())}))
    known = f"{trimmed('cell')} IN (SELECT id FROM known)" if context.cells is not None else "cell IS NOT NULL"
    people = None if context.people is None else members(con, row.subscriber, context.people, context.ids)
    counted = f"""
        SELECT count(*), count(nullif(trim(subscriber), '')), count(seconds),
            count(*) FILTER ({known} OR (cell IS NULL AND place IS NOT NULL))
        FROM (SELECT {row.subscriber} AS subscriber, {row.seconds} AS seconds, {row.cell} AS cell,
                     {row.latitude or "NULL"} + {row.longitude or "NULL"} AS place FROM sampled)
    """
    rows, with_id, with_time, with_cell = con.execute(counted).fetchall()[0]
    times = [used[name] for name in format_.time.column]
    text = " || ' ' || ".join(f"CAST({time.written()} AS VARCHAR)" for time in times)
    unread = f"(SELECT * FROM sampled WHERE {given(times)} AND {row.seconds} IS NULL)"
    return Shares(rows, with_id, with_time, with_cell, value_shapes.commonest_shape(con, unread, text), people)


def members(con: duckdb.DuckDBPyConnection, text: str, people: pa.Array, ids: Ids) -> int:
    """Rows of `sampled` whose id, an SQL expression, is one of the register's by the rule of `ids`."""
    con.register("people", pa.table({"id": people}))
    mine = f"SELECT {compared(trimmed(text), ids)} AS id FROM sampled"
    there = f"SELECT {compared('id', ids)} AS id FROM people"
    # The sample is the smaller side, so that a register of millions is passed through and not kept.
    con.execute(f"CREATE OR REPLACE TEMP TABLE mine AS {mine}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT DISTINCT id FROM ({there}) SEMI JOIN mine USING (id)")
    return int(con.execute("SELECT count(*) FROM mine SEMI JOIN theirs USING (id)").fetchall()[0][0])
