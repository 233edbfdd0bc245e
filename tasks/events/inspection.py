"""Inspect a file: its columns, what is read of a sample, and a mapping that reads more. No value is shown."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from tasks.events import value_shapes
from tasks.events.column_roles import SampledColumn, as_text, is_header, is_name, look_at
from tasks.events.files import columns_of, csv_columns, header_line
from tasks.events.formats.detect import COMPRESSIONS, PARQUET, Typed, UnreadableFile, kind_of
from tasks.events.formats.sections import Ids, Layout
from tasks.events.sample import sampled

GOOD = 0.95
"""A share of rows below which a mapping is proposed although a known format fits."""
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Reading:
    """Of a sample's rows with a value: how many have one that is read; and the commonest forms of the others."""

    what: str
    read: int
    rows: int
    unread_form: str | None = None


@dataclass(frozen=True)
class Inspection:
    """What was seen of a file: kind (`events`, `consents` ...), format by name, columns, readings, a proposal."""

    kind: str
    format: str | None = None
    why_not: str = ""
    """Why no known format fits."""
    columns: tuple[SampledColumn, ...] = ()
    readings: tuple[Reading, ...] = ()
    """As the known format reads the sample; without one, as the proposal does."""
    proposal: str = ""
    """A mapping's text."""
    notes: tuple[str, ...] = ()
    ids: Ids | None = None
    """A rule by which ids are found in the register, where the present one finds none."""
    key: tuple[str, ...] = ()
    """The roles whose values make a cell's id in the cell plan."""

    @property
    def needs_no_mapping(self) -> bool:
        """Whether a known format reads nearly all of the file's values, without another rule of ids."""
        return bool(self.format) and not self.ids and all(each.read >= GOOD * each.rows for each in self.readings)


@dataclass(frozen=True)
class Opened:
    """A file's sample: its connection, its guessed layout, and its columns."""

    con: duckdb.DuckDBPyConnection
    path: Path
    kind: str
    layout: Layout
    columns: Typed
    looks: tuple[SampledColumn, ...]
    zone: ZoneInfo

    @property
    def usable(self) -> tuple[SampledColumn, ...]:
        """Columns that a mapping may name: any other name could be a row's value."""
        return tuple(look for look in self.looks if is_name(look.name))

    def id_notes(self, look: SampledColumn) -> Iterator[str]:
        """What telephone numbers begin with, where other files may write them otherwise."""
        if self.count(f"regexp_full_match({look.words}, '[+]?[0-9]{{5,17}}')") < GOOD * self.rows:
            return  # hashes may begin with any sign
        for sign in ("+", "00"):
            if (
                self.count(f"regexp_full_match({look.words}, '[{sign[0]}]{{{len(sign)}}}[1-9][0-9]+')")
                >= value_shapes.LEAST
            ):
                yield f'Ids begin with {sign}. If they do not in other files: [ids] prefixes = {{ "{sign}" = "" }}.'

    @property
    def rows(self) -> int:
        """Rows of the sample."""
        return self.count("true")

    def count(self, condition: str) -> int:
        """Rows of the sample for which an SQL condition holds."""
        return int(self.con.execute(f"SELECT count(*) FILTER ({condition}) FROM sampled").fetchall()[0][0])

    def reading(self, what: str, look: SampledColumn, condition: str) -> Reading:
        """Rows in which a column's value fulfils a condition, of those with a value, and the form of the others."""
        others = f"(SELECT * FROM sampled WHERE {look.column.given()} AND NOT coalesce({condition}, false))"
        said = ", ".join(value_shapes.common_shapes(self.con, others, as_text(look.column))) or None
        return Reading(what, self.count(condition), self.count(look.column.given()), said)


@contextmanager
def opened(path: Path, zone: ZoneInfo) -> Iterator[Opened]:
    """A sample of a file as it seems to be laid out; raises UnreadableFile if its kind is unknown."""
    layout, columns = _laid_out(path)
    kind = kind_of(path.name, [layout])
    with sampled(path, kind, layout, columns) as con:
        looks = look_at(con, columns, named=True)
        if kind == PARQUET or is_header([name for name, _ in columns], [look.form for look in looks]):
            yield Opened(con, path, kind, layout, columns, looks, zone)
            return
    layout, columns = _without_header(layout, columns)
    with sampled(path, kind, layout, columns) as con:
        yield Opened(con, path, kind, layout, columns, look_at(con, columns, named=False), zone)


def _laid_out(path: Path) -> tuple[Layout, Typed]:
    """The separator is the sign that is most often in the first line."""
    name = path.name.lower()
    if name.endswith(PARQUET):
        return Layout(), columns_of(path)
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    suffix = Path(name).suffix
    if not re.fullmatch(r"\.[a-z]{1,8}", suffix):
        raise UnreadableFile("its name has no ending of a text file, such as .csv")
    line = header_line(path)
    layout = Layout(separator=max(_SEPARATORS, key=line.count), suffixes=(suffix,))
    columns = csv_columns(line, layout)
    doubled = len({each.casefold() for each, _ in columns}) < len(columns)
    return _without_header(layout, columns) if doubled else (layout, columns)


def _without_header(layout: Layout, columns: Sequence[object]) -> tuple[Layout, Typed]:
    names = tuple(f"column_{number}" for number in range(1, len(columns) + 1))
    return layout.model_copy(update={"header": False, "names": names}), tuple((name, "VARCHAR") for name in names)
