"""A row decides its own fate alone: whatever a stranger's row holds, the vectors that noise goes to stay as they were.

Every format in every container with every defect. The clean files are read and walked without the row, with it as a
stranger's, and with it as a member's.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tasks import policy_file
from tasks.events.read import ReadResult
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import CellArrays, walk_rules
from tasks.mobility.evidence import evidence
from tasks.mobility.tables import PRESENCE, STAYS
from tasks.mobility.walk import Walked, walk_partition
from tests.reference_read import Span
from tests.unit.events.factory import DAY, landing_file, prepare, read

MEMBERS, HOURS, K = 80, 24, 24
BERLIN = ZoneInfo("Europe/Berlin")
WHOLE_DAY = (0, 86_400)
ZONE = np.array([0, 1], dtype=np.int32)
PLACES = CellArrays(
    zone=ZONE,
    latitude=np.radians(np.array([50.0, 50.01])),
    longitude=np.radians(np.array([8.0, 8.01])),
    x=np.array([0.0, 1e3]),
    y=np.array([0.0, 1e3]),
    evidence=evidence(ZONE),
    reach=np.full(2, 5e3),
)
Row = Mapping[str, bytes | int | None]


@dataclass(frozen=True)
class Format:
    """A format's columns, the three that matter among them, and how it writes a time of the day."""

    columns: tuple[str, ...]
    subscriber: str
    time: str
    cell: str
    clock: str
    others: Mapping[str, bytes]

    def row(self, subscriber: bytes, hour: int, cell: bytes) -> Row:
        time = self.clock.format(hour).encode()
        return {**self.others, self.subscriber: subscriber, self.time: time, self.cell: cell}


FORMATS = {
    "native": Format(
        ("subscriber_id", "event_at", "cell_id", "event_type"),
        "subscriber_id",
        "event_at",
        "cell_id",
        f"{DAY}T{{:02d}}:10:00+01:00",
        {"event_type": b"data"},
    ),
    "eurostat": Format(
        ("user_id", "timestamp", "mcc", "mnc", "plmn", "cell_id"),
        "user_id",
        "timestamp",
        "cell_id",
        f"{DAY} {{:02d}}:10:00",
        {"mcc": b"262", "mnc": b"07", "plmn": b""},
    ),
    "flowkit": Format(
        ("msisdn", "datetime", "location_id"), "msisdn", "datetime", "location_id", f"{DAY} {{:02d}}:10:00", {}
    ),
}
PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    ".csv": bytes,
    ".csv.gz": gzip.compress,
    ".csv.zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}
LINES: Mapping[str, Callable[[bytes], bytes]] = {
    "a bare CR in a value": lambda line: line[:-1] + b"\rx",
    "a bare CR for a line end": lambda line: line + b"\r" + line,
    "CR twice": lambda line: line + b"\r\r",
    "an open quote": lambda line: b'"' + line,
    "an open quote in the last value": lambda line: line.rpartition(b",")[0] + b',"x',
    "a lone quote": lambda line: line[:3] + b'"' + line[3:],
    "text after a quote": lambda line: b'"x"' + line,
    "a line end in quotes": lambda line: line.rpartition(b",")[0] + b',"x\ny"',
    "a backslash before a quote": lambda line: line.rpartition(b",")[0] + b',"x\\"',
    "bytes that are not UTF-8": lambda line: b"\xff\xfe" + line,
    "half a character": lambda line: line + b"\xe2\x82",
    "a surrogate": lambda line: line + b"\xed\xa0\x80",
    "NUL": lambda line: b"\0" + line,
    "an endless line": lambda line: line + b"x" * 200_000,
    "a field too few": lambda line: line.rpartition(b",")[0],
    "a field too many": lambda line: line + b"," * 5_000,
    "separators of lines that are none": lambda line: line + b"\x0b\x0c\x1c\x1d\x1e\xc2\x85\xe2\x80\xa8\xe2\x80\xa9",
    "a byte-order mark": lambda line: b"\xef\xbb\xbf" + line,
    "a comment": lambda line: b"#" + line,
    "a far time": lambda line: line.replace(str(DAY).encode(), b"9999999-12-31"),
    "the end of time": lambda line: line.replace(str(DAY).encode(), b"infinity"),
    "the year 0": lambda line: line.replace(str(DAY).encode(), b"0000-00-00"),
    "an offset without end": lambda line: line.replace(b":10:00", b":10:00+99:99"),
    "an impossible number": lambda line: line.replace(b"262", b"9" * 400).replace(b"07", b"NaN"),
}
"""What is made of a line: it may become several."""
MS, MS_UTC, US, NS = (pa.timestamp(*type_) for type_ in (("ms",), ("ms", "UTC"), ("us", "UTC"), ("ns", "UTC")))
MOST = 2**63 - 1
VALUES: Mapping[str, tuple[pa.DataType | None, str, bytes | int | None]] = {
    "an id that is not UTF-8": (None, "subscriber", b"\xff"),
    "a cell that is not UTF-8": (None, "cell", b"c\xc3"),
    "a time that is not UTF-8": (None, "time", b"\xed\xa0\x80"),
    "a cell with NUL": (None, "cell", b"c0\0"),
    "a long cell": (None, "cell", b"c" * 200_000),
    "no cell": (None, "cell", None),
    "no id": (None, "subscriber", None),
    "an id that is not UTF-8 beside timestamps": (MS, "subscriber", b"\xff"),
} | {
    f"{value} in {type_}": (type_, "time", value)
    for type_ in (MS, MS_UTC, US, NS)
    for value in (MOST, MOST - 1, -MOST - 1, -MOST, MOST // 1000 + 1, -MOST // 1000 - 1)
}
"""The type of the file's times (text, if none), and what one of its rows has in which column."""


Whose = Callable[[int], bytes | None]
"""Of whom the hostile row in a numbered file is; of nobody, if there is none."""


@pytest.fixture
def context(tmp_path: Path) -> ReadContext:
    panel = {f"{n:02x}": Span(n, *WHOLE_DAY) for n in range(MEMBERS)}
    return prepare(tmp_path / "day", panel, {"c0": [Span(0, *WHOLE_DAY)], "c1": [Span(1, *WHOLE_DAY)]})


def day_of(format_: Format, member: int) -> list[Row]:
    """A member's day: every hour, in one cell and the other."""
    return [format_.row(f"{member:02x}".encode(), hour, f"c{hour % 2}".encode()) for hour in range(HOURS)]


def csv_files(folder: Path, format_: Format, container: str, whose: Whose) -> list[Path]:
    """A file for each defect, of a member of its own, with the hostile row in its midst."""
    paths = [folder / f"{number:02d}{container}" for number in range(len(LINES))]
    for number, (path, spoil) in enumerate(zip(paths, LINES.values(), strict=True)):
        lines, who = [as_line(format_, row) for row in day_of(format_, number)], whose(number)
        if who is not None:
            lines.insert(HOURS // 2, spoil(as_line(format_, format_.row(who, 12, b"c1"))))
        path.write_bytes(PACKED[container](b"\n".join([",".join(format_.columns).encode(), *lines, b""])))
    return paths


def as_line(format_: Format, row: Row) -> bytes:
    return b",".join(bytes(row[name]) for name in format_.columns)  # type: ignore[arg-type]


def parquet_files(folder: Path, format_: Format, container: str, whose: Whose) -> list[Path]:
    """The same in Parquet."""
    paths = [folder / f"{number:02d}{container}" for number in range(len(VALUES))]
    for number, (path, (type_, role, value)) in enumerate(zip(paths, VALUES.values(), strict=True)):
        rows, who = day_of(format_, number), whose(number)
        if type_ is not None:
            second = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC if type_.tz is None else BERLIN).timestamp())
            unit = {"ms": 10**3, "us": 10**6, "ns": 10**9}[type_.unit]
            rows = [{**row, format_.time: (second + hour * 3600) * unit} for hour, row in enumerate(rows)]
        if who is not None:
            rows.insert(HOURS // 2, {**rows[12], format_.subscriber: who, getattr(format_, role): value})
        columns = {name: as_column(format_, name, type_, [row[name] for row in rows]) for name in format_.columns}
        pq.write_table(pa.table(columns), path, version="2.6")
    return paths


def as_column(format_: Format, name: str, time: pa.DataType | None, values: Sequence[bytes | int | None]) -> pa.Array:
    """A column as its writer makes it: nobody has looked whether text is UTF-8."""
    if name == format_.time and time is not None:
        return pa.array(values, pa.int64()).cast(time)
    if name in ("mcc", "plmn"):
        return pa.array([int(value) if value else None for value in values], pa.int32())
    text = pa.array(values, pa.binary())
    if name != "user_id":
        return text.view(pa.string())
    return pa.array([value if value is None or b"\xff" in value else bytes.fromhex(value.decode()) for value in values])  # type: ignore[operator,union-attr]


def counted(folder: Path, files: Sequence[Path], context: ReadContext) -> tuple[ReadResult, Walked]:
    """What is read of files, and what the walk makes of it: each release's vector is a function of that."""
    found, (keys,) = read([landing_file(path) for path in files], context, folder / "out", partitions=1)
    return found, walk_partition(keys, PLACES, walk_rules(policy_file.load().policy, DAY, 16384), (PRESENCE, STAYS))


@pytest.mark.parametrize("container", [*PACKED, ".parquet"])
@pytest.mark.parametrize("name", FORMATS)
def test_no_row_decides_another_rows_fate(tmp_path: Path, context: ReadContext, name: Any, container: Any) -> None:
    write, defects = (parquet_files, VALUES) if container == ".parquet" else (csv_files, LINES)
    result = {}
    for case, whose in {
        "without": lambda number: None,
        "stranger": lambda number: b"ee",
        "member": lambda number: b"%02x" % (number + 40),
    }.items():
        folder = tmp_path / case
        folder.mkdir()
        result[case] = counted(folder, write(folder, FORMATS[name], container, whose), context)
        assert not result[case][0].unreadable
    clean = result["without"][1]
    assert len(clean.tables[PRESENCE]) == HOURS * len(defects)
    assert result["stranger"][1].tables[PRESENCE].equals(clean.tables[PRESENCE])
    assert np.array_equal(result["stranger"][1].profile, clean.profile)
    theirs = result["member"][1].tables[PRESENCE]
    others = pc.less(theirs["subscriber"], 40)
    assert theirs.filter(others).equals(clean.tables[PRESENCE])
    assert max(Counter(theirs.filter(pc.invert(others))["subscriber"].to_pylist()).values(), default=0) <= K
    more = result["stranger"][0].account.total - result["without"][0].account.total
    assert more >= len(defects)
