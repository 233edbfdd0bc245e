"""Files of the cell plan as a mapping lays them out: one table a file, and the file's name of each column."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tasks.errors import RejectedInput
from tasks.events.files import columns_of
from tasks.events.folders import ignored, refuse_tables
from tasks.events.formats import Formats
from tasks.events.formats.detect import PARQUET, UnreadableFile, by_format, kind_of, takes
from tasks.events.formats.sections import CellFormat
from tasks.events.plan_rules import ATTRIBUTES

DIRECTIONALITY = "directionality"
"""A column of the Eurostat topology: 0 means that the azimuth says nothing."""
CORRECT = "Correct the cell plan and land it again."


@dataclass(frozen=True)
class CellFile:
    """A file's rows, its format, and its own name of each column of the format; `old`: columns of INT96."""

    path: Path
    table: pa.Table
    format: CellFormat
    names: Mapping[str, str]
    attributes: Mapping[str, str]
    """The file's name of each optional column that it has."""
    old: frozenset[str] = frozenset()


def read_files(landing: Path, formats: Formats) -> list[CellFile]:
    """The files of the cell plan: cells.parquet, cells.csv, or all below the folder cells. Raises RejectedInput."""
    found = [path for name in ("cells.parquet", "cells.csv", "cells") if (path := landing / name).exists()]
    if len(found) != 1:
        there = "more than one of" if found else "none of"
        raise RejectedInput(
            f"The landing folder holds {there} cells.parquet, cells.csv, cells.",
            "Land exactly one.",
            "cells.not_one_file",
        )
    if not found[0].is_dir():
        return [read_file(found[0], formats)]
    refuse_tables(found[0])
    below = [path.relative_to(found[0]) for path in sorted(found[0].rglob("*")) if path.is_file()]
    parts = [found[0] / path for path in below if not any(ignored(name, formats.landing) for name in path.parts)]
    if not parts:
        raise RejectedInput("The folder cells holds no file.", CORRECT, "cells.no_file")
    return [read_file(path, formats) for path in parts]


def read_file(path: Path, formats: Formats) -> CellFile:
    """One file of the cell plan. Raises RejectedInput."""
    try:
        kind = kind_of(path.name, tuple(formats.cells.values()))
        possible = [each for each in formats.cells.values() if takes(each, path.name)]
        seen = [(each, _names(path, kind, each)) for each in possible]
    except (UnreadableFile, OSError, pa.ArrowException) as error:
        why = f": {error}" if isinstance(error, UnreadableFile) else ""
        raise RejectedInput(f"{path.name} cannot be read{why}.", CORRECT, "cells.unreadable") from None
    format_, there = _choose(path, seen)
    own = by_format(there, format_.needed)
    doubled = [name for name in own if [each.casefold() for each in there].count(name.casefold()) > 1]
    if doubled:
        raise RejectedInput(
            f"{path.name} has the columns {', '.join(doubled)} more than once.", CORRECT, "cells.duplicate_column"
        )
    single = [name for name in there if [each.casefold() for each in there].count(name.casefold()) == 1]
    theirs = {name: name for name in (*ATTRIBUTES, DIRECTIONALITY)}
    theirs |= {str(name): column for name, column in format_.attributes.items()}
    more = {name: own for name, column in theirs.items() for own in by_format(single, (column,)).values()}
    try:
        if kind == PARQUET:
            file = pyarrow.parquet.ParquetFile(path)  # read_table would import pandas: a second of start-up
            old = {column.name for column in file.schema if column.physical_type == "INT96"}
            used = list(dict.fromkeys([*own.values(), *more.values()]))
            return CellFile(path, file.read(used), format_, own, more, frozenset(old))
        return CellFile(path, _csv(path, format_, there), format_, own, more)
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        raise RejectedInput(f"{path.name} cannot be read.", CORRECT, "cells.unreadable") from None


def _names(path: Path, kind: str, format_: CellFormat) -> list[str]:
    if kind == PARQUET:
        return list(pyarrow.parquet.read_schema(path).names)
    return [name for name, _ in columns_of(path, format_)]


def _choose(path: Path, seen: list[tuple[CellFormat, list[str]]]) -> tuple[CellFormat, list[str]]:
    """The first format that fits. Errors name missing columns only: present ones may be values."""
    lacking = [[name for name in each.needed if name not in by_format(there, (name,))] for each, there in seen]
    if not lacking or min(map(len, lacking)):
        missing = ", ".join(sorted(lacking, key=len)[0]) if lacking else "of every format"
        raise RejectedInput(
            f"{path.name} lacks the columns {missing}.",
            "Add them, or map their names in formats.toml ([cells.NAME]).",
            "cells.missing_column",
        )
    return seen[[len(each) for each in lacking].index(0)]


def _csv(path: Path, format_: CellFormat, names: list[str]) -> pa.Table:
    """All columns as text, so that ids keep their leading zeros; a byte-order mark is skipped by Arrow."""
    words = [*pyarrow.csv.ConvertOptions().null_values, *format_.null_words]
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=int(format_.header)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=format_.separator),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=words
        ),
    )
