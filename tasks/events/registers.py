"""Registers of the landing (subscribers, consents): read whole, or rejected; half a register would count wrongly."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import RejectedInput
from tasks.events import duck, words
from tasks.events.clock import Clock
from tasks.events.files import columns_of, count_lines, source
from tasks.events.formats.columns import Column
from tasks.events.formats.detect import Unfit
from tasks.events.register_files import Seen, parts

ID = "subscriber_id"
_PLAUSIBLE = "BETWEEN -2208988800 AND 32503679999"
"""UTC seconds of the years 1900 to 2999: no other date is one of a consent, whatever type of file it comes in."""


@dataclass(frozen=True)
class Register:
    """A register as SQL: the relation of its rows, its parameters, and its columns by name."""

    path: Path
    table: str
    parameters: dict[str, object]
    columns: dict[str, Column]
    clock: Clock

    @classmethod
    def of(
        cls, path: Path, table: str, parameters: dict[str, object], columns: dict[str, Column], clock: Clock
    ) -> Self:
        """A register over a table function; what it says in words is trimmed, and NULL where it says "no value"."""
        worded = {name for name, column in columns.items() if column.type in ("VARCHAR", "BLOB")}
        rows = ", ".join(
            f"{_cleaned(name, column) if name in worded else column.sql} AS {duck.name(name)}"
            for name, column in columns.items()
        )
        clean = {
            name: Column(duck.name(name), "VARCHAR" if name in worded else column.type)
            for name, column in columns.items()
        }
        return cls(path, f"(SELECT {rows} FROM {table})", parameters, clean, clock)

    def text(self, name: str) -> str:
        """SQL of a column as text, NULL where it has no value, or where the file lacks the column."""
        return self.columns[name].text() if name in self.columns else "NULL::VARCHAR"

    def whole(self, name: str) -> str:
        """SQL of a column as a whole number of up to nine digits, NULL where it is none; `1980.0` is one."""
        return f"TRY_CAST(regexp_extract({self.text(name)}, '^(\\d{{1,9}})(\\.0+)?$', 1) AS BIGINT)"

    def seconds(self, name: str) -> str:
        """SQL of a column as UTC seconds, NULL where it cannot be read; a date alone is its first instant."""
        column = self.columns.get(name)
        return _plausible(self.clock.seconds_or_midnight(column.sql, column.type)) if column else "NULL::BIGINT"

    def day_after(self, name: str) -> str:
        """SQL of the UTC second in which the day after a date alone begins, NULL for all other values."""
        column = self.columns.get(name)
        return _plausible(self.clock.day_after(column.sql, column.type)) if column else "NULL::BIGINT"


def _cleaned(name: str, column: Column) -> str:
    """SQL of a column's words; bytes of an id are lower-case hexadecimal, in the events too, all others are text."""
    return words.given(words.trimmed(column.text(hexadecimal=True) if name == ID else words.text(column)))


def _plausible(seconds: str) -> str:
    return f"list_filter([{seconds}], lambda second: second {_PLAUSIBLE})[1]"


def open_register(path: Path, required: tuple[str, ...], clock: Clock) -> Register:
    """A register whose file has the columns; raises RejectedInput."""
    try:
        columns = columns_of(path)
    except Unfit as fault:
        raise RejectedInput(f"{path.name} cannot be read: {fault}.", "Send it again.") from None
    if missing := [name for name in required if name not in dict(columns)]:
        raise RejectedInput(f"{path.name} lacks the columns {', '.join(missing)}.", "Send it with all its columns.")
    return Register.of(path, *source([path], path.suffix, columns), clock)


def count_rows(path: Path) -> int:
    """A register's rows, by its lines or by its Parquet footers; raises RejectedInput if it is damaged."""
    try:
        return sum(_rows(part) for part in parts(path))
    except (OSError, pa.ArrowException):
        raise RejectedInput(f"{path.name} is damaged: its rows cannot be counted.", "Send it again.") from None


@lru_cache(maxsize=16)
def _rows(part: Seen) -> int:
    if part.path.suffix.lower() == ".parquet":
        return int(pq.read_metadata(part.path).num_rows)
    return max(count_lines(part.path, blank=False) - 1, 0)


def load(con: duckdb.DuckDBPyConnection, register: Register, name: str, select: str) -> None:
    """Create a table from every row of a register; raises RejectedInput if one of them is not read."""
    try:
        con.execute(f"CREATE TEMP TABLE {name} AS SELECT {select} FROM {register.table}", register.parameters)
        rows = con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
    except duckdb.Error as error:
        duck.raise_unless_the_files(error)
        raise RejectedInput(f"{register.path.name} is damaged.", "Send it again.") from None
    if register.path.suffix == ".csv":
        _check_lines(con, register.path, rows)


def _check_lines(con: duckdb.DuckDBPyConnection, path: Path, rows: int) -> None:
    """Each line is a row: none was rejected, and no quote has swallowed lines."""
    first, rejected = con.execute("SELECT min(line), count(DISTINCT line) FROM reject_errors").fetchall()[0]
    con.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    if rejected:
        raise RejectedInput(
            f"{path.name} has {rejected} lines that cannot be read, the first at line {first}.", "Mend it."
        )
    if rows + 1 != count_lines(path, blank=False):
        raise RejectedInput(f"{path.name} has a quote that does not close on its own line.", "Mend it.")
