"""Read: event files become keys in partitions, and an account of every row by file and reason."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.events import duckdb_session
from tasks.events.csv_rows import Csv, Rows, csv_rows
from tasks.events.files import FileGroup, RejectedFile, source
from tasks.events.formats.columns import INT96, Column
from tasks.events.formats.detect import by_format
from tasks.events.formats.expressions import kinds
from tasks.events.packed_key import Int64
from tasks.events.parquet_rows import parquet_rows
from tasks.events.read_query import query
from tasks.events.reasons import QUARANTINED, Reason
from tasks.events.row_counts import RowCounts
from tasks.events.row_rules import (
    CODE,
    CODES,
    KEPT,
    NO_TIME,
    PADDED,
    ClassifiedRows,
    Int32,
    ReadContext,
    ResolvedRows,
    RowClassifier,
)
from tasks.events.row_stream import RowStream
from tasks.events.scratch import all_or_nothing, append_keys, partition_starts

QUARANTINE = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())])
"""Rows set aside, never their values. `row`: from 1 in Parquet; the line in CSV, the file's first being 1."""

_BATCH_ROWS = 1_000_000
_ALL_CODES = len(CODES) + 1
_LISTED = np.array([False, *(reason in QUARANTINED for reason in CODES)])
_HIDEABLE = frozenset({"file_index", "file_row_number"})
"""What DuckDB calls a row's file and its place there, unless a column of the file has that name."""


@dataclass(frozen=True)
class ReadResult:
    """Rows by file and reason, the quarantine (QUARANTINE), and the files rejected by name."""

    account: RowCounts = field(default_factory=RowCounts)
    quarantine: pa.Table = field(default_factory=QUARANTINE.empty_table)
    unreadable: tuple[RejectedFile, ...] = ()
    unfit: Mapping[Reason, int] = field(default_factory=dict)
    """Rows by what is wrong with their time, cell or network, regardless of their subscriber."""

    def __add__(self, other: "ReadResult") -> "ReadResult":
        return ReadResult(
            self.account + other.account,
            pa.concat_tables([self.quarantine, other.quarantine]),
            tuple(sorted({*self.unreadable, *other.unreadable}, key=lambda file: file.name)),
            Counter(self.unfit) + Counter(other.unfit),
        )


class _Padded(Exception):
    """Some ids or cells have blanks around them: the files are read again, and each is trimmed."""


class _Damaged(Exception):
    """Some files end in a fault: what was read of them has to go."""


def read_group(
    group: FileGroup, context: ReadContext, out: Path, *, partitions: int, memory_limit: str, threads: int
) -> ReadResult:
    """Append the keys of a group's rows to `out/b*.keys` (all or, if it fails, none); damaged files are named."""
    starts = partition_starts(context.panel, partitions)
    with all_or_nothing(out), duckdb_session.connect(memory_limit, threads, out / "spill") as con:
        reading = _Reading(con, context, out, starts)
        try:
            with all_or_nothing(out):
                return reading.read(group)
        except _Padded:
            pass  # and with it goes its traceback, which holds the query's rows
        return reading.read(replace(group, padded=True))


def first_rows(con: duckdb.DuckDBPyConnection, group: FileGroup, most: int) -> dict[str, Column]:
    """Put the first rows of a group's first file into the table `first_rows`; its columns by their format's names."""
    _, columns = _streamed(con, replace(group, files=group.files[:1]))
    con.execute(f"CREATE OR REPLACE TEMP TABLE first_rows AS FROM stream LIMIT {most}")
    return columns


def _streamed(con: duckdb.DuckDBPyConnection, group: FileGroup) -> tuple[RowStream, dict[str, Column]]:
    """The rows of a group as the table `stream`; its columns by their format's names."""
    types, used = dict(group.columns), _used(group)
    stream = RowStream([file.path for file in group.files], partial(_rows, group, list(used.values())))
    shown = ["TIMESTAMP" if types[own] == INT96 else types[own] for own in used.values()]
    con.register("stream", stream.reader(duckdb_session.arrow_types(con, shown)))
    return stream, {name: Column(f"c{place}", types[own]) for place, (name, own) in enumerate(used.items())}


@dataclass(frozen=True)
class _Reading:
    """A connection, and what each of its queries needs."""

    con: duckdb.DuckDBPyConnection
    context: ReadContext
    out: Path
    starts: Int64

    def read(self, group: FileGroup) -> ReadResult:
        """Read files in the fast way, if that can be; raises _Padded."""
        if group.kind == ".parquet" and not _HIDEABLE & {name.lower() for name, _ in group.columns}:
            try:
                with all_or_nothing(self.out):
                    return self.at_once(group)
            except duckdb.Error as error:
                duckdb_session.raise_unless_the_files(error)  # a single value is enough for that
        return self.row_by_row(group)

    def at_once(self, group: FileGroup) -> ReadResult:
        """Read Parquet files by DuckDB alone, which is fast; raises duckdb.Error over any value that it cannot take."""
        table, files, columns = source([file.path for file in group.files], group.kind, group.columns, group.format)
        used = {name: columns[own] for name, own in _used(group).items()}
        return self._classified(group, table, used, files).account(group)

    def row_by_row(self, group: FileGroup) -> ReadResult:
        """Read files so that a row that cannot be read is set aside alone, and a damaged file is named alone."""
        stream, columns = _streamed(self.con, group)
        try:
            with all_or_nothing(self.out):
                found = self._classified(group, "stream", columns, {})
                stream.check()
                if stream.damaged:
                    raise _Damaged
        except _Damaged:
            whole = tuple(file for number, file in enumerate(group.files) if number not in stream.damaged)
            why = "it is gone, damaged, or its compressed stream is cut"
            named = tuple(RejectedFile(group.files[number].name, why) for number in stream.damaged)
            rest = self.row_by_row(replace(group, files=whole)) if whole else ReadResult()
            return ReadResult(unreadable=named) + rest
        for file, places in stream.unreadable:
            found.add_unreadable(file, places)
        return found.account(group)

    def _classified(
        self, group: FileGroup, table: str, columns: Mapping[str, Column], files: Mapping[str, object]
    ) -> "_Found":
        """One query over a table of rows; their keys are written."""
        sql, parameters, ticks_a_second = query(group, self.context, table, columns)
        classifier = RowClassifier(self.context, group.label, ticks_a_second)
        found = _Found(len(group.files))
        for batch in duckdb_session.batches(self.con, sql, {**parameters, **files}, _BATCH_ROWS):
            ticks = batch["ticks"].cast(pa.int64()).fill_null(NO_TIME)
            rank, cell, flags, file, row = (batch[name].to_numpy() for name in ("rank", "cell", "flags", "file", "row"))
            if PADDED in (rank.min(initial=0), cell.min(initial=0)):
                raise _Padded
            classified = classifier.classify(ResolvedRows(rank, cell, ticks.to_numpy(), flags))
            append_keys(self.out, classified.keys, self.starts)
            found.add(file, row, classified)
        return found


def _used(group: FileGroup) -> dict[str, str]:
    """The file's own name of each column that its format uses, by the format's name."""
    return by_format([name for name, _ in group.columns], tuple(kinds(group.format)))


def _rows(group: FileGroup, used: Sequence[str], path: Path) -> Iterator[Rows]:
    """The rows of one file, its used columns alone."""
    if group.kind == ".parquet":
        types = dict(group.columns)
        return parquet_rows(path, used, [name for name in used if types[name] == INT96])
    names = [name for name, _ in group.columns]
    csv = Csv(len(names), group.format.separator, group.format.header)
    return csv_rows(path, csv, [names.index(name) for name in used])


class _Found:
    """What became of the rows of a group: how many by file and code, and which are to be listed."""

    def __init__(self, files: int) -> None:
        self._counts = np.zeros((files, _ALL_CODES), dtype=np.int64)
        self._unfit = np.zeros(_ALL_CODES, dtype=np.int64)
        self._listed = [np.empty((2, 0), dtype=np.int64)]

    def add(self, file: Int32, row: NDArray[np.uint32], classified: ClassifiedRows) -> None:
        """Count a batch."""
        file_code = file * np.int32(_ALL_CODES) + classified.code
        self._counts += np.bincount(file_code, minlength=self._counts.size).reshape(self._counts.shape)
        self._unfit += np.bincount(classified.unfit, minlength=_ALL_CODES)
        chosen = np.flatnonzero(_LISTED[classified.code])
        self._listed.append(np.stack([file_code[chosen].astype(np.int64), row[chosen].astype(np.int64)]))

    def add_unreadable(self, file: int, places: Int64) -> None:
        """Count rows of a file that no query has seen."""
        code = CODE[Reason.UNREADABLE_ROW]
        self._counts[file, code] += len(places)
        self._listed.append(np.stack([np.full(len(places), file * _ALL_CODES + code), places]))

    def account(self, group: FileGroup) -> ReadResult:
        """The account of a group, its quarantine in a fixed order."""
        names, counts = [file.name for file in group.files], self._counts
        rows_in = dict(zip(names, counts.sum(axis=1).tolist(), strict=True))
        set_aside = {
            (names[place], CODES[code - 1]): int(counts[place, code])
            for place, code in np.argwhere(counts).tolist()
            if code != KEPT
        }
        listed = np.concatenate(self._listed, axis=1)
        file_code, row = listed[:, np.lexsort((listed[0] % _ALL_CODES, listed[1], listed[0] // _ALL_CODES))]
        quarantine = pa.table(
            {
                "file": pa.array(names, pa.string()).take(pa.array(file_code // _ALL_CODES)),
                "row": pa.array(row + 1, pa.int64()),
                "reason": pa.array(["", *CODES], pa.string()).take(pa.array(file_code % _ALL_CODES)),
            },
            schema=QUARANTINE,
        )
        return ReadResult(
            RowCounts(rows_in, set_aside, int(counts[:, KEPT].sum())),
            quarantine,
            unfit=dict(zip(CODES, self._unfit[1:].tolist(), strict=True)),
        )
