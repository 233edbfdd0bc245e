"""A bounded sample of a file: what share of it reading would use, and the forms of what it could not read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from tasks.errors import RejectedInput
from tasks.events import duckdb_session, value_shapes
from tasks.events.clock import Clock
from tasks.events.column_roles import as_text
from tasks.events.files import source
from tasks.events.formats import Formats
from tasks.events.formats.columns import Column, trimmed
from tasks.events.formats.detect import Typed, UnreadableFile, by_format
from tasks.events.formats.expressions import expressions, kinds
from tasks.events.formats.ids import compared
from tasks.events.formats.sections import EventFormat, Ids, Layout
from tasks.events.formats.times import given
from tasks.events.landing import find_register
from tasks.events.reference_tables import ID, open_reference_table

ROWS = 10_000
"""Rows of a file that are looked at."""
MEMORY = "500MB"
_CLOCKS_FROM = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LandingContext:
    """What identifies the columns of an event file: ids of its landing, as far as they can be read, and its day."""

    cells: Sequence[str] | None = None
    """Ids of the cell plan."""
    key: Sequence[str] = ()
    """The roles that make these ids."""
    people: pa.Array | None = None
    """Ids of the register of subscribers, as they stand there."""
    ids: Ids = field(default_factory=Ids)
    """The rule by which ids are compared."""
    label: date | None = None
    """The day of the event file's folder."""


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
        fetch(con, f"CREATE TEMP TABLE sampled AS SELECT * FROM {relation} LIMIT {ROWS}", parameters)
        yield con


def rows_of(path: Path, kind: str, layout: Layout, columns: Typed) -> tuple[str, dict[str, object]]:
    """SQL of a file's rows, its columns named c0, c1 ..., and its parameters."""
    relation, parameters, _ = source([path], kind, columns, layout)
    return f"{relation} AS file({', '.join(f'c{place}' for place in range(len(columns)))})", parameters


def fetch(con: duckdb.DuckDBPyConnection, query: str, parameters: object) -> list[tuple[Any, ...]]:
    """Run a query over a file's rows; raises UnreadableFile."""
    try:
        return con.execute(query, parameters).fetchall()
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        raise UnreadableFile("it is damaged: its rows cannot be read") from None


def used(format_: EventFormat, columns: Typed) -> dict[str, Column]:
    """The columns c0, c1 ... that a format uses, by its names."""
    own = {name: Column(f"c{place}", type_, format_.null_words) for place, (name, type_) in enumerate(columns)}
    return {name: own[there] for name, there in by_format(tuple(own), tuple(kinds(format_))).items()}


def shares(
    con: duckdb.DuckDBPyConnection, format_: EventFormat, columns: Typed, zone: ZoneInfo, context: LandingContext
) -> Shares:
    """What reading would make of the table `sampled`; where `context` knows no cells, any cell is as good."""
    clock = Clock.over(format_.time.timezone or zone, _CLOCKS_FROM, _CLOCKS_FROM.replace(year=date.today().year + 2))
    own = used(format_, columns)
    row = expressions(format_, own, clock)
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
    times = [own[name] for name in format_.time.column]
    unread = f"(SELECT * FROM sampled WHERE {given(times)} AND {row.seconds} IS NULL)"
    form = value_shapes.commonest_shape(con, unread, " || ' ' || ".join(map(as_text, times)))
    return Shares(rows, with_id, with_time, with_cell, form, people)


def members(con: duckdb.DuckDBPyConnection, text: str, people: pa.Array, ids: Ids) -> int:
    """Rows of `sampled` whose id, an SQL expression, is one of the register's by the rule of `ids`."""
    con.register("people", pa.table({"id": people}))
    mine = f"SELECT {compared(trimmed(text), ids)} AS id FROM sampled"
    there = f"SELECT {compared('id', ids)} AS id FROM people"
    # The sample is the smaller side, so that a register of millions is passed through and not kept.
    con.execute(f"CREATE OR REPLACE TEMP TABLE mine AS {mine}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT DISTINCT id FROM ({there}) SEMI JOIN mine USING (id)")
    return int(con.execute("SELECT count(*) FROM mine SEMI JOIN theirs USING (id)").fetchall()[0][0])


def subscriber_ids(root: Path, formats: Formats) -> pa.Array | None:
    """The ids in a landing's register of subscribers as they stand there; None if it cannot be read."""
    plain = formats.model_copy(update={"ids": Ids(binary=formats.ids.binary)})
    try:
        register = open_reference_table(find_register(root, "subscribers"), (ID,), (), Clock((), 0), plain)
        with duckdb_session.connect("2GB", 1, None) as con:
            found = con.sql(f"SELECT {register.text(ID)} AS id FROM {register.table}", params=register.parameters)
            return found.to_arrow_table()["id"].combine_chunks()
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        return None
    except RejectedInput:
        return None
