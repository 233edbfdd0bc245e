"""Read: event files become keys in buckets, and an account of every row by file and reason."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from tasks.events import duck
from tasks.events.account import RowAccount
from tasks.events.files import FileGroup, UnreadableFile, count_lines
from tasks.events.judge import CODES, KEPT, NO_TIME, Judge, Looked, Prepared
from tasks.events.keys import Int64
from tasks.events.landing import LandingFile
from tasks.events.lookup import query
from tasks.events.machine import raise_if_the_machines
from tasks.events.reasons import QUARANTINED, Reason
from tasks.events.scratch import all_or_nothing, append_keys, bucket_starts

QUARANTINE = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())])
"""Rows set aside, never their values. `row`: from 1 in Parquet; the line in CSV, the header being 1; else null."""

_BATCH_ROWS = 1_000_000
_ALL_CODES = len(CODES) + 1
_LISTED = np.array([False, *(reason in QUARANTINED for reason in CODES)])


@dataclass(frozen=True)
class ReadAccount:
    """Rows by file and reason, the quarantine (QUARANTINE), and the files rejected by name."""

    account: RowAccount = field(default_factory=RowAccount)
    quarantine: pa.Table = field(default_factory=QUARANTINE.empty_table)
    unreadable: tuple[UnreadableFile, ...] = ()
    unfit: Mapping[Reason, int] = field(default_factory=dict)
    """Rows by what is wrong with their time, cell or network, regardless of their subscriber."""

    def __add__(self, other: "ReadAccount") -> "ReadAccount":
        return ReadAccount(
            self.account + other.account,
            pa.concat_tables([self.quarantine, other.quarantine]),
            tuple(sorted({*self.unreadable, *other.unreadable}, key=lambda file: file.name)),
            Counter(self.unfit) + Counter(other.unfit),
        )


class _LinesLost(Exception):
    """The rows of these files are not their lines: a quote was opened and not closed on its line."""

    def __init__(self, files: tuple[LandingFile, ...]) -> None:
        super().__init__()
        self.files = files


def read_group(
    group: FileGroup, prepared: Prepared, out: Path, *, buckets: int, memory_limit: str, threads: int
) -> ReadAccount:
    """Append the keys of a group's rows to `out/b*.keys` (all or, if it fails, none); unreadable files are named."""
    starts = bucket_starts(prepared.panel, buckets)
    lines, cut = _lines(group)
    waiting, total = _split(group, cut), _rejected(cut, "it is gone, or its compressed stream is cut or damaged")
    with all_or_nothing(out):
        while waiting:
            part = waiting.pop()
            try:
                with all_or_nothing(out), duck.connect(memory_limit, threads, out / "spill") as con:
                    total += _read(con, part, lines, prepared, out, starts)
            except duckdb.Error as error:
                duck.raise_unless_the_files(error)
                if len(part.files) == 1:
                    total += _rejected(part.files, "it is damaged, or its line endings are mixed")
                else:
                    half = part.files[: len(part.files) // 2]
                    waiting += [*_split(part, half), replace(part, files=half)]
            except _LinesLost as lost:
                waiting += _split(part, lost.files)
                if part.quoted:
                    waiting.append(replace(part, files=lost.files, quoted=False))
                else:
                    total += _rejected(
                        lost.files,
                        "its rows are not its lines: open quotes, odd line ends, or over 100,000 bad lines",
                    )
    return total


def _lines(group: FileGroup) -> tuple[dict[str, int], tuple[LandingFile, ...]]:
    """Lines of each CSV file by name, and the files whose compressed stream does not end."""
    lines: dict[str, int] = {}
    for file in group.files if group.kind != ".parquet" else ():
        try:
            lines[file.name] = count_lines(file.path, blank=True)
        except OSError as error:
            raise_if_the_machines(error)
    return lines, tuple(file for file in group.files if group.kind != ".parquet" and file.name not in lines)


def _split(group: FileGroup, without: tuple[LandingFile, ...]) -> list[FileGroup]:
    """The group without some files; no group if none is left."""
    left = tuple(file for file in group.files if file not in without)
    return [replace(group, files=left)] if left else []


def _rejected(files: tuple[LandingFile, ...], why: str) -> ReadAccount:
    return ReadAccount(unreadable=tuple(UnreadableFile(file.name, why) for file in files))


def _read(
    con: duckdb.DuckDBPyConnection,
    group: FileGroup,
    lines: dict[str, int],
    prepared: Prepared,
    out: Path,
    starts: Int64,
) -> ReadAccount:
    """One query over the group; raises duckdb.Error if a file is damaged, _LinesLost if quotes swallow lines."""
    sql, parameters, ticks_a_second = query(group, prepared)
    judge = Judge(prepared, group.label, ticks_a_second)
    counts = np.zeros((len(group.files), _ALL_CODES), dtype=np.int64)
    unfit = np.zeros(_ALL_CODES, dtype=np.int64)
    listed = []
    for batch in duck.batches(con, sql, parameters, _BATCH_ROWS):
        ticks = batch["ticks"].cast(pa.int64()).fill_null(NO_TIME)
        rank, cell, flags, file, row = (batch[name].to_numpy() for name in ("rank", "cell", "flags", "file", "row"))
        code, keys, held = judge.judge(Looked(rank, cell, ticks.to_numpy(), flags))
        unfit += np.bincount(held, minlength=_ALL_CODES)
        append_keys(out, keys, starts)
        file_code = file * np.int32(_ALL_CODES) + code
        counts += np.bincount(file_code, minlength=counts.size).reshape(counts.shape)
        chosen = np.flatnonzero(_LISTED[code])
        number = row[chosen].astype(np.int64) + (group.kind == ".parquet")
        listed.append(np.stack([file_code[chosen].astype(np.int64), number]))
    if group.kind != ".parquet":
        listed.append(_rejects(con, group))
        counts += np.bincount(listed[-1][0], minlength=counts.size).reshape(counts.shape)
        _check_lines(group, lines, counts.sum(axis=1).tolist())
    found = np.concatenate(listed, axis=1) if listed else np.empty((2, 0), dtype=np.int64)
    return replace(_account(group, counts, found), unfit=dict(zip(CODES, unfit[1:].tolist(), strict=True)))


def _rejects(con: duckdb.DuckDBPyConnection, group: FileGroup) -> Int64:
    """File-code and line of each line that is no row."""
    rejects = "SELECT DISTINCT file_path, line FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
    found = con.sql(rejects).fetchall()
    place = {str(file.path): number for number, file in enumerate(group.files)}
    code = CODES.index(Reason.UNREADABLE_ROW) + 1
    pairs = [(place[path] * _ALL_CODES + code, line) for path, line in found]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2).T


def _check_lines(group: FileGroup, lines: dict[str, int], rows: list[int]) -> None:
    """Each line but the header and blank ones is a row: else a quote has swallowed lines, and DuckDB says nothing."""
    lost = tuple(
        file
        for file, found in zip(group.files, rows, strict=True)
        if found + 1 != lines[file.name] and found + 1 != count_lines(file.path, blank=False)
    )
    if lost:
        raise _LinesLost(lost)


def _account(group: FileGroup, counts: Int64, listed: Int64) -> ReadAccount:
    """The account of a query, its quarantine in a fixed order."""
    names = [file.name for file in group.files]
    rows_in = dict(zip(names, counts.sum(axis=1).tolist(), strict=True))
    set_aside = {
        (name, reason): int(counts[place, code])
        for place, name in enumerate(names)
        for code, reason in enumerate(CODES, 1)
        if counts[place, code]
    }
    file_code, row = listed[:, np.lexsort((listed[0] % _ALL_CODES, listed[1], listed[0] // _ALL_CODES))]
    quarantine = pa.table(
        {
            "file": pa.array(names, pa.string()).take(pa.array(file_code // _ALL_CODES)),
            "row": pa.array(row, pa.int64(), mask=row < 0),
            "reason": pa.array(["", *CODES], pa.string()).take(pa.array(file_code % _ALL_CODES)),
        },
        schema=QUARANTINE,
    )
    return ReadAccount(RowAccount(rows_in, set_aside, int(counts[:, KEPT].sum())), quarantine)
