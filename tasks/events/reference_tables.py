"""Registers of the landing (subscribers, consents): read whole, or rejected; half a register would count wrongly."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import RejectedInput
from tasks.events import duckdb_session, sql_text
from tasks.events.clock import TIMESTAMPS, Clock
from tasks.events.file_digests import FileState, parts
from tasks.events.files import columns_of, count_lines, source
from tasks.events.folders import ignored, refuse_tables
from tasks.events.formats import Formats
from tasks.events.formats.columns import WHOLE, Column, trimmed
from tasks.events.formats.detect import PARQUET, Typed, UnreadableFile, by_format, kind_of, takes
from tasks.events.formats.ids import compared, rewrites
from tasks.events.formats.registers import TIMES, lacking, mapped
from tasks.events.formats.sections import Ids, RegisterFormat

ID = "subscriber_id"
_PLAUSIBLE = "BETWEEN -2208988800 AND 32503679999"
"""UTC seconds of the years 1900 to 2999: dates of consents outside them are invalid, in every type of file."""

_SHIPPED = RegisterFormat.model_validate({})
"""The shipped format: Throng's own names, and nothing else."""


@dataclass(frozen=True)
class ReferenceTable:
    """A register as SQL: the relation of its rows, its parameters, and its columns by name."""

    source: "Source"
    table: str
    columns: dict[str, Column]
    clock: Clock

    @property
    def path(self) -> Path:
        """The file, or the folder of its parts."""
        return self.source.path

    @property
    def parameters(self) -> dict[str, object]:
        """Those of every query over its rows."""
        return self.source.parameters

    @classmethod
    def of(cls, source: "Source", table: str, columns: dict[str, Column], clock: Clock, ids: Ids) -> Self:
        """A register over a table function; what it says in words is trimmed, and NULL where it says "no value"."""
        names = {name: duckdb_session.name(name) for name in columns}
        worded = [name for name, column in columns.items() if column.type in ("VARCHAR", "BLOB")]
        clean = {name: Column(names[name], "VARCHAR" if name in worded else columns[name].type) for name in columns}
        rows = ", ".join(f"{_written(name, column, ids)} AS {names[name]}" for name, column in columns.items())
        table = f"(SELECT {rows} FROM {table})"
        table = _replaced(table, {names[name]: trimmed(names[name]) for name in worded})
        table = _replaced(table, {names[name]: sql_text.given(_compared(name, ids)) for name in worded})
        times = {_seconds_of(name): clock.midnight(clean[name].sql, clean[name].type) for name in TIMES & clean.keys()}
        if times:
            added = ", ".join(f"{sql} AS {name}" for name, (sql, _) in times.items())
            table = f"(SELECT *, {added} FROM {table})"
        table = _replaced(table, {name: clock.seconds(name, type_) for name, (_, type_) in times.items()})
        return cls(source, _replaced(table, {name: _plausible(name) for name in times}), clean, clock)

    def text(self, name: str) -> str:
        """SQL of a column as text, NULL where it has no value, or where the file lacks the column."""
        return self.columns[name].text() if name in self.columns else "NULL::VARCHAR"

    def given(self, name: str) -> str:
        """SQL: a column has a value; types that always become text are not made text for it."""
        column = self.columns.get(name)
        return f"{column.sql if column and column.type in WHOLE | TIMESTAMPS else self.text(name)} IS NOT NULL"

    def whole(self, name: str) -> str:
        """SQL of a column as a whole number of up to nine digits, NULL where it is none; `1980.0` is one."""
        column = self.columns.get(name)
        if column and column.type in WHOLE:
            return f"CAST(CASE WHEN {column.sql} BETWEEN 0 AND 999999999 THEN {column.sql} END AS BIGINT)"
        return f"TRY_CAST(regexp_extract({self.text(name)}, '^(\\d{{1,9}})(\\.0+)?$', 1) AS BIGINT)"

    def seconds(self, name: str) -> str:
        """SQL of a time as UTC seconds, NULL where it cannot be read; a date alone is its first instant.

        The relation has it as a column: the long expression is planned once, however often it is used.
        """
        return _seconds_of(name) if name in self.columns else "NULL::BIGINT"

    def day_after(self, name: str) -> str:
        """SQL of the UTC second in which the day after a date alone begins, NULL for all other values."""
        column = self.columns.get(name)
        return _plausible(self.clock.day_after(column.sql, column.type)) if column else "NULL::BIGINT"


def _replaced(table: str, columns: Mapping[str, str]) -> str:
    """SQL of a relation with these columns replaced: what a column is named for is planned once, however often used."""
    if not columns:
        return table
    return f"(SELECT * REPLACE ({', '.join(f'{sql} AS {name}' for name, sql in columns.items())}) FROM {table})"


def _written(name: str, column: Column, ids: Ids) -> str:
    """SQL of a column as its file has it, words as text."""
    if column.type not in ("VARCHAR", "BLOB"):
        return column.sql
    return column.text(hexadecimal=ids.binary == "hex") if name == ID else sql_text.text(column)


def _compared(name: str, ids: Ids) -> str:
    """SQL of a column's words; ids are compared by the rule that the events follow, all other bytes are text."""
    words = duckdb_session.name(name)
    return compared(words, ids) if name == ID and rewrites(ids) else words


def _seconds_of(name: str) -> str:
    return duckdb_session.name(f"{name} in seconds")


def _plausible(seconds: str) -> str:
    return f"list_filter([{seconds}], lambda second: second {_PLAUSIBLE})[1]"


@dataclass(frozen=True)
class Source:
    """The files of a register, all of one format, kind and columns; `parameters`: of the query over them."""

    path: Path
    files: tuple[Path, ...]
    format: RegisterFormat
    kind: str
    parameters: dict[str, object]


def open_reference_table(
    path: Path, required: tuple[str, ...], optional: tuple[str, ...], clock: Clock, formats: Formats
) -> ReferenceTable:
    """A register whose file, or every part in its folder, has the columns; raises RejectedInput."""
    if path.is_dir():
        refuse_tables(path)
    files = [seen.path for seen in _parts(path, formats)]
    if not files:
        raise RejectedInput(f"{path.name} holds no file.", "Send its parts.", "registers.no_file")
    found = [_choose(file, required, _known(path, formats)) for file in files]
    if any(each != found[0] for each in found):
        raise RejectedInput(
            f"The parts of {path.name} differ in their columns.",
            "Send them all of one layout.",
            "registers.parts_differ",
        )
    format_, kind, columns = found[0]
    table, parameters, own = source(files, kind, columns, format_)
    register = Source(path, tuple(files), format_, kind, parameters)
    return ReferenceTable.of(register, table, mapped(format_, own, (*required, *optional)), clock, formats.ids)


def _parts(path: Path, formats: Formats) -> list[FileState]:
    return [seen for seen in parts(path) if not ignored(seen.path.name, formats.landing)]


def _known(path: Path, formats: Formats) -> tuple[RegisterFormat, ...]:
    return tuple((formats.consents if path.stem == "consents" else formats.subscribers).values())


def _choose(
    file: Path, required: tuple[str, ...], known: tuple[RegisterFormat, ...]
) -> tuple[RegisterFormat, str, Typed]:
    """The first format of which a file has all columns, the operator's own before the shipped one."""
    try:
        kind = kind_of(file.name, known)
        seen = _meant([(each, columns_of(file, each)) for each in known if takes(each, file.name)])
    except UnreadableFile as fault:
        raise RejectedInput(f"{file.name} cannot be read: {fault}.", "Send it again.", "registers.unreadable") from None
    missing = [lacking([name for name, _ in columns], each, required) for each, columns in seen]
    if not missing or min(map(len, missing)):
        words = ", ".join(sorted(missing, key=len)[0] if missing else required)
        raise RejectedInput(
            f"{file.name} lacks the columns {words}.",
            "Send it with all its columns, or map their names in formats.toml.",
            "registers.columns_missing",
        )
    place = next(n for n, names in enumerate(missing) if not names)
    wanted = {seen[place][0].columns.get(name, name).casefold() for name in (*required, *TIMES)}
    _check_once(file, wanted, _own_names(file, kind, seen[place][1]))
    return seen[place][0], kind, seen[place][1]


def _meant(seen: list[tuple[RegisterFormat, Typed]]) -> list[tuple[RegisterFormat, Typed]]:
    """Without the shipped format, if one that maps columns has the file's ids: what it maps may say who withdrew."""
    own = any(each.columns and by_format([name for name, _ in has], [each.columns.get(ID, ID)]) for each, has in seen)
    return [(each, has) for each, has in seen if not own or each != _SHIPPED]


def _own_names(file: Path, kind: str, columns: Typed) -> list[str]:
    """A file's columns as it calls them: in Parquet, DuckDB gives the second of two another name."""
    if kind != PARQUET:
        return [name for name, _ in columns]
    schema = pq.read_metadata(file).schema
    return [schema.column(place).path for place in range(len(schema))]


def _check_once(file: Path, wanted: Collection[str], names: Collection[str]) -> None:
    """Raise RejectedInput for a register that has a column twice: which of the two says who withdrew?"""
    count = Counter(name.casefold() for name in names)
    if twice := sorted(name for name in wanted if count[name] > 1):
        raise RejectedInput(
            f"{file.name} has more than one column {', '.join(twice)}: case does not tell them apart.",
            "Send it with each column once.",
            "registers.column_twice",
        )


def count_rows(path: Path, required: tuple[str, ...], formats: Formats) -> int:
    """A register's rows, by its lines or by its Parquet footers; raises RejectedInput if it is damaged."""
    try:
        return sum(
            _parquet_rows(part)
            if part.path.suffix.lower() == ".parquet"
            else max(_lines(part) - _choose(part.path, required, _known(path, formats))[0].header, 0)
            for part in _parts(path, formats)
        )
    except (OSError, pa.ArrowException):
        raise RejectedInput(
            f"{path.name} is damaged: its rows cannot be counted.", "Send it again.", "registers.damaged"
        ) from None


@lru_cache(maxsize=256)
def _parquet_rows(part: FileState) -> int:
    return int(pq.read_metadata(part.path).num_rows)


@lru_cache(maxsize=256)
def _lines(part: FileState) -> int:
    return count_lines(part.path)


def load(con: duckdb.DuckDBPyConnection, register: ReferenceTable, name: str, select: str) -> None:
    """Create a table from every row of a register; raises RejectedInput if one of them is not read."""
    try:
        con.execute(f"CREATE TEMP TABLE {name} AS SELECT {select} FROM {register.table}", register.parameters)
        rows = con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
    except duckdb.Error as error:
        duckdb_session.raise_unless_the_files(error)
        raise RejectedInput(f"{register.path.name} is damaged.", "Send it again.", "registers.damaged") from None
    if register.source.kind != ".parquet":
        _check_lines(con, register.source, rows)


def _check_lines(con: duckdb.DuckDBPyConnection, register: Source, rows: int) -> None:
    """Each line is a row: none was rejected, and no quote has swallowed lines."""
    first, rejected = con.execute("SELECT min(line), count(DISTINCT (file_id, line)) FROM reject_errors").fetchall()[0]
    con.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    name = register.path.name
    if rejected:
        raise RejectedInput(
            f"{name} has {rejected} lines that cannot be read, the first at line {first}.",
            "Correct it.",
            "registers.unreadable_lines",
        )
    try:
        lines = sum(count_lines(file) - register.format.header for file in register.files)
    except OSError:
        raise RejectedInput(
            f"{name} is damaged: its compressed stream is cut.", "Send it again.", "registers.damaged"
        ) from None
    if rows != lines:
        raise RejectedInput(
            f"{name} has a quote that does not close on its own line.", "Correct it.", "registers.open_quote"
        )
