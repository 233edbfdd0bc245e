"""A file's columns as SQL, whatever their type: text, times and numbers; nothing here ever raises within a query."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tasks.events.clock import TIMESTAMPS, Clock

BLANKS = "".join(
    chr(code) for code in range(1, 0x10000) if unicodedata.category(chr(code)) in ("Zs", "Zl", "Zp", "Cc", "Cf")
) + ("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that show nothing, and are no part of a value at its ends: spaces, controls, zero-width marks, fillers."""
INT96 = "INT96"
"""The type of Parquet's old timestamps, which DuckDB shows as TIMESTAMP whatever their writer meant."""
MISSING = '"NULL"'
"""The type of a Parquet column without any value."""

WHOLE = frozenset(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE", "")) | {
    "INTEGER",
    "UINTEGER",
}
"""DuckDB's types of whole numbers."""
_TEXT = frozenset({"VARCHAR", "BLOB", MISSING})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})


class Kind(Enum):
    """What a column has to hold: the DuckDB types in which it may come."""

    TEXT = _TEXT | WHOLE | {"DECIMAL", "DOUBLE", "UUID"}
    TIME = _TEXT | TIMESTAMPS | {INT96}
    COUNT = _TEXT | WHOLE | _FLOATS | {"DECIMAL"}
    WRITTEN = _TEXT | WHOLE | {"DATE", "TIME"}
    NUMBER = _TEXT | WHOLE | _FLOATS | {"DECIMAL"}

    def takes(self, type_: str) -> bool:
        """Whether a column of this DuckDB type can be read so."""
        return type_.partition("(")[0] in self.value


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(text: str) -> str:
    """SQL of a text without blanks around it; plain spaces alone, which are usual, are cut off the fast way."""
    return (
        f"(CASE WHEN {_bare(text)} THEN {text}"
        f" WHEN {_bare(f'trim({text})')} THEN trim({text}) ELSE trim({text}, {literal(BLANKS)}) END)"
    )


def _bare(text: str) -> str:
    """SQL: visible ASCII is at both ends, `!` to `~`: a hundred times faster to find than to trim."""
    return f"({text} >= '!' AND {text} < '\x7f' AND ({text})[-1] BETWEEN '!' AND '~')"


@dataclass(frozen=True)
class Column:
    """A column of a file: how SQL names it, and its DuckDB type; some of its words may mean "no value"."""

    sql: str
    type: str
    null_words: tuple[str, ...] = ()

    @property
    def value(self) -> str:
        """SQL of the value, NULL where a word says so."""
        if not self.null_words or self.type != "VARCHAR":
            return self.sql
        words = ", ".join(map(literal, self.null_words))
        return f"(CASE WHEN {trimmed(self.sql)} NOT IN ({words}) THEN {self.sql} END)"

    def given(self) -> str:
        """SQL: there is a value."""
        return (
            f"({self.value} IS NOT NULL AND {self.value} <> '')"
            if self.type == "VARCHAR"
            else f"{self.sql} IS NOT NULL"
        )

    def text(self, *, hexadecimal: bool = False) -> str:
        """SQL: the value as text; binary as UTF-8 or as lower-case hexadecimal, whole numbers without fraction."""
        outer = self.type.partition("(")[0]
        if self.type == "BLOB":
            return f"lower(hex({self.sql}))" if hexadecimal else f"TRY(decode({self.sql}))"
        if outer == "DOUBLE":  # as pandas writes whole numbers among which some are missing; above 2^53 digits are lost
            whole = f"{self.sql} = floor({self.sql}) AND abs({self.sql}) <= 9007199254740992"
            return f"(CASE WHEN {whole} THEN CAST(TRY_CAST({self.sql} AS BIGINT) AS VARCHAR) END)"
        if outer == "DECIMAL":
            return f"regexp_replace(CAST({self.sql} AS VARCHAR), '\\.0+$', '')"
        return self.value if self.type == "VARCHAR" else f"CAST({self.sql} AS VARCHAR)"

    def whole(self) -> str:
        """SQL: the value as a whole number, NULL where it is none."""
        return f"TRY_CAST({self.written()} AS BIGINT)"

    def number(self, decimal: str = ".") -> str:
        """SQL: the value as a number, NULL where it is none; `decimal`: the sign before a fraction in text."""
        text = self.written()
        if decimal == "," and self.type in ("VARCHAR", "BLOB"):
            text = f"translate({text}, ',.', '.,')"
        return f"TRY_CAST({text} AS DOUBLE)"

    def written(self) -> str:
        """SQL: the value, binary as text."""
        return self.text() if self.type == "BLOB" else self.value

    def seconds(self, clock: Clock) -> str:
        """SQL: the value as whole UTC seconds, NULL where it is no time."""
        return clock.seconds(self.written(), self.type)


Columns = Mapping[str, Column]


@dataclass(frozen=True)
class Expressions:
    """What reading needs of a row, as SQL: subscriber and cell (text), UTC second (NULL if bad), and conditions."""

    subscriber: str
    has_time: str
    seconds: str
    cell: str
    plmn_ok: str = "true"
    folds: bool = False
    """Case does not tell ids apart."""
    foreign: str = "false"
    """The network is one of another country."""
    latitude: str | None = None
    longitude: str | None = None
    """Coordinates, where the format has them."""
    micros: str | None = None
    """UTC microseconds as the file has them: to be preferred, because they cost nothing."""
