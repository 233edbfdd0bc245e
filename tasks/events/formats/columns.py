"""A file's columns as SQL, whatever their type: text, times and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tasks.events.clock import TIMESTAMPS, Clock

_WHOLE = frozenset(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE", "")) | {
    "INTEGER",
    "UINTEGER",
}


class Kind(Enum):
    """What a column has to hold: the DuckDB types in which it may come."""

    TEXT = frozenset({"VARCHAR", "BLOB"}) | _WHOLE
    TIME = frozenset({"VARCHAR"}) | TIMESTAMPS
    NUMBER = frozenset({"VARCHAR", "FLOAT", "DOUBLE"}) | _WHOLE


@dataclass(frozen=True)
class Column:
    """A column of a file: how SQL names it, and its DuckDB type."""

    sql: str
    type: str

    def given(self) -> str:
        """SQL: there is a value."""
        return f"({self.sql} IS NOT NULL AND {self.sql} <> '')" if self.type == "VARCHAR" else f"{self.sql} IS NOT NULL"

    def text(self) -> str:
        """SQL: the value as text; binary as lower-case hexadecimal."""
        if self.type == "BLOB":
            return f"lower(hex({self.sql}))"
        return self.sql if self.type == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"

    def whole(self) -> str:
        """SQL: the value as a whole number, NULL where it is none."""
        return f"TRY_CAST({self.sql} AS BIGINT)"

    def seconds(self, clock: Clock) -> str:
        """SQL: the value as whole UTC seconds, NULL where it is no time."""
        return clock.seconds(self.sql, self.type)

    def micros(self) -> str | None:
        """SQL: the value as an instant, if that is what the file holds."""
        return self.sql if self.type == "TIMESTAMP WITH TIME ZONE" else None


Columns = Mapping[str, Column]


@dataclass(frozen=True)
class Expressions:
    """What reading needs of a row, as SQL: subscriber and cell (text), UTC second (NULL if bad), two conditions."""

    subscriber: str
    has_time: str
    seconds: str
    cell: str
    plmn_ok: str = "true"
    micros: str | None = None
    """UTC microseconds as the file has them: to be preferred, because they cost nothing."""
