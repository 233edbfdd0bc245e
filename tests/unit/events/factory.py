"""Small landings and context days for the tests of reading."""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.events.files import group_files
from tasks.events.formats import Formats
from tasks.events.landing import LandingFile
from tasks.events.packed_key import Int64
from tasks.events.read import ReadResult, read_group
from tasks.events.row_rules import ReadContext
from tasks.policy import Calendar
from tests.reference_read import Span

DAY = date(2026, 3, 1)
NATIVE = ("subscriber_id", "event_at", "cell_id", "event_type")
WHOLE_DAY = Span(0, 0, 86400)


def times(local: str = "Europe/Berlin", landing: str = "Europe/Berlin", lateness: int = 0) -> Calendar:
    return Calendar(timezone=local, landing_timezone=landing, close_after=6, lateness_days=lateness, catch_up_days=7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def prepare(
    folder: Path,
    panel: Mapping[str, Span],
    cells: Mapping[str, Sequence[Span]],
    day: date = DAY,
    time: Calendar | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
) -> ReadContext:
    """The context day: members in the order of their ranks get rising pseudonyms spread over the whole range."""
    folder.mkdir(parents=True, exist_ok=True)
    members = sorted(panel.items(), key=lambda item: item[1].rank)
    step = 2**64 // max(len(members), 1)
    columns = {
        "subscriber_id": pa.array([name for name, _ in members], pa.string()),
        "pseudonym": np.array([n * step for n in range(len(members))], dtype=np.uint64),
        "from_second": pa.array([span.first for _, span in members], pa.int32()),
        "to_second": pa.array([span.end for _, span in members], pa.int32()),
    }
    pq.write_table(pa.table(columns), folder / "panel.parquet")
    versions = [(name, span) for name, spans in cells.items() for span in spans]
    columns = {
        "cell_id": pa.array([name for name, _ in versions], pa.string()),
        "version": pa.array([span.rank for _, span in versions], pa.int32()),
        "from_second": pa.array([span.first for _, span in versions], pa.int32()),
        "to_second": pa.array([span.end for _, span in versions], pa.int32()),
    }
    for axis, direction in enumerate(("latitude", "longitude")):
        columns[direction] = pa.array(
            [(places or {}).get(name, (0.0, 0.0))[axis] for name, _ in versions], pa.float64()
        )
    pq.write_table(pa.table(columns), folder / "cells.parquet")
    return ReadContext(day, time or times(), folder / "panel.parquet", folder / "cells.parquet", 262)


def csv_bytes(rows: Sequence[Sequence[str | None]], header: Sequence[str] = NATIVE) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_parquet(path: Path, columns: Mapping[str, pa.Array]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)), path)
    return path


def landing_file(path: Path, label: date = DAY) -> LandingFile:
    return LandingFile(path, path.name, label, path.stat().st_size, path.stat().st_mtime_ns)


def read(
    files: Sequence[LandingFile],
    context: ReadContext,
    out: Path,
    partitions: int = 4,
    threads: int = 2,
    formats: Formats | None = None,
) -> tuple[ReadResult, list[Int64]]:
    """Read files as the engine does; the account, and the sorted keys of each partition."""
    groups, unreadable = group_files(files, formats)
    out.mkdir(parents=True, exist_ok=True)
    total = ReadResult(unreadable=unreadable)
    for group in groups:
        total += read_group(group, context, out, partitions=partitions, memory_limit="200MB", threads=threads)
    found = [out / f"b{partition:05d}.keys" for partition in range(partitions)]
    return total, [np.sort(np.fromfile(path, np.int64)) if path.exists() else np.empty(0, np.int64) for path in found]
