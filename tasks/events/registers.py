"""Registers of the landing (subscribers, consents): read whole, or rejected; half a register would count wrongly."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from tasks.errors import RejectedInput
from tasks.events import duck
from tasks.events.clock import Clock
from tasks.events.files import columns_of, count_lines, source
from tasks.events.formats.columns import Column
from tasks.events.formats.detect import Unfit


@dataclass(frozen=True)
class Register:
    """A register as SQL: the table function over its file, its parameters, and its columns by name."""

    path: Path
    table: str
    parameters: dict[str, object]
    columns: dict[str, Column]
    clock: Clock

    def text(self, name: str) -> str:
        """SQL of a column as text, NULL where empty or where the file lacks the column."""
        return f"nullif(trim({self.columns[name].text()}), '')" if name in self.columns else "NULL"

    def whole(self, name: str) -> str:
        """SQL of a column as a whole number."""
        return self.columns[name].whole()

    def seconds(self, name: str) -> str:
        """SQL of a column as UTC seconds; a date alone is its first instant."""
        column = self.columns.get(name)
        return self.clock.seconds_or_midnight(column.sql, column.type) if column else "NULL"


def open_register(path: Path, required: tuple[str, ...], clock: Clock) -> Register:
    """A register whose file has the columns; raises RejectedInput."""
    try:
        columns = columns_of(path)
    except Unfit as fault:
        raise RejectedInput(f"{path.name} cannot be read: {fault}.", "Send it again.") from None
    if missing := [name for name in required if name not in dict(columns)]:
        raise RejectedInput(f"{path.name} lacks the columns {', '.join(missing)}.", "Send it with all its columns.")
    return Register(path, *source([path], path.suffix, columns), clock)


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
