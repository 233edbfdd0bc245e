"""Rows of a CSV file, compressed or not, in bounded memory: each physical line is a row, or is set aside alone."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.events.packed_key import Int64

_BLOCK = 1 << 22


@dataclass(frozen=True)
class Rows:
    """Rows of a part of a file: columns of equal length, each row's place in the file, and places of what is no row.

    Places count from 0: rows in Parquet, lines (header and blank ones too) in CSV.
    """

    columns: list[pa.Array]
    places: Int64
    unreadable: Int64


@dataclass(frozen=True)
class Csv:
    """How a CSV file is written: its number of fields, the sign between them, and whether its first line names them."""

    fields: int
    separator: str = ","
    header: bool = True


def open_csv(path: Path) -> pa.NativeFile:
    """A CSV file's bytes, decompressed as its name says; reading raises OSError where the stream is cut or damaged."""
    suffix = path.suffix.lower()
    return pa.input_stream(str(path), compression={".gz": "gzip", ".zst": "zstd"}.get(suffix))


def csv_rows(path: Path, csv: Csv, used: Sequence[int]) -> Iterator[Rows]:
    """The rows of a file: of each used field its text, empty where there is none; raises OSError."""
    from tasks.events.csv_kernel import parse

    places = np.full(csv.fields, -1)
    places[list(used)] = np.arange(len(used))
    line = int(csv.header)
    for data in _lines(path, csv):
        lines = int(np.count_nonzero(data == ord("\n")))
        values, ends = np.empty((len(used), len(data)), np.uint8), np.zeros((len(used), lines + 1), np.int32)
        good, bad = np.empty(lines, np.int64), np.empty(lines, np.int64)
        rows, faults = parse(data, line, ord(csv.separator), places, values, ends, good, bad)
        buffers = [(pa.py_buffer(end), pa.py_buffer(value)) for end, value in zip(ends, values, strict=True)]
        yield Rows([pa.StringArray.from_buffers(rows, *pair) for pair in buffers], good[:rows], bad[:faults])
        line += lines


def _lines(path: Path, csv: Csv) -> Iterator[NDArray[np.uint8]]:
    """Whole lines after byte-order mark and header; of an endless line no more than shows that it is too long."""
    from tasks.events.csv_kernel import LONGEST_LINE

    rest, in_header, mark = b"", csv.header, BOM_UTF8
    with open_csv(path) as stream:
        while block := stream.read(_BLOCK):
            data, mark = rest + block.removeprefix(mark), b""
            end = data.rfind(b"\n") + 1
            begin = data.find(b"\n") + 1 if in_header else 0
            in_header &= end == 0
            if end > begin:
                yield np.frombuffer(data, np.uint8, end - begin, begin)
            rest = data[end : end + LONGEST_LINE + 1]
    if rest and not in_header:
        yield np.frombuffer(rest + b"\n", np.uint8)
