"""A landing folder full of canaries: panel members, strangers, ids of every odd kind, rows bad in every way."""

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.promise.canary import NUMBER, TOKEN, gzipped
from tests.promise.landing import EVENTS, Row, as_csv, consent, person, seen, write_network, write_people

GOOD_DAY, BAD_DAY = date(2026, 3, 3), date(2026, 3, 4)
MEMBER, STRANGER = f"member-{TOKEN}", f"stranger-{TOKEN}"
ODD = (
    str(NUMBER),
    f'ö\'dd "{TOKEN}", 漢',
    f"'; DROP TABLE release; -- {TOKEN}",
    f"<img src=x onerror={TOKEN}>",
    f"../../{TOKEN}/etc",
    f"{{day}} %s \x1b[31m {TOKEN}",
)


def write_landing(root: Path) -> None:
    """One good day with a file that cannot be read, and one day that the gate must stop."""
    members = [MEMBER, *ODD, *(f"s{n}" for n in range(15))]
    write_network(root)
    write_people(root, [person(one) for one in [*members, STRANGER]], [consent(one) for one in members])
    good, bad = (root / "events" / f"date={day}" for day in (GOOD_DAY, BAD_DAY))
    good.mkdir(parents=True)
    bad.mkdir()
    (good / "part-0.csv").write_bytes(as_csv(EVENTS, [*_crowd(GOOD_DAY), *_spoilt(GOOD_DAY)]) + _unreadable())
    (good / "part-1.csv.gz").write_bytes(gzipped(as_csv(EVENTS, _crowd(GOOD_DAY))))
    (good / "part-2.csv.zst").write_bytes(_zstd(as_csv(EVENTS, _of(ODD, GOOD_DAY))))
    pq.write_table(_table(_of(ODD, GOOD_DAY)), good / "part-3.parquet")
    for n in range(20):  # beside which one file that cannot be read is few enough
        (good / f"more-{n}.csv").write_bytes(as_csv(EVENTS, _of([f"s{n}"], GOOD_DAY)))
    whole = io.BytesIO()
    pq.write_table(_table(_of([MEMBER], GOOD_DAY)), whole, compression="none")
    (good / "part-4.parquet").write_bytes(whole.getvalue()[:-20])
    (bad / "part-0.csv").write_bytes(as_csv(EVENTS, [*_crowd(BAD_DAY), *(("", *row[1:]) for row in _crowd(BAD_DAY))]))


def _of(ids: Sequence[str], day: date) -> list[Row]:
    return [row for one in ids for row in seen(one, day)]


def _crowd(day: date) -> list[Row]:
    return _of([MEMBER, STRANGER, *(f"s{n}" for n in range(20))], day)


def _spoilt(day: date) -> list[Row]:
    """A panel member's rows, one or two for each reason."""
    noon = f"{day}T12:00:00+01:00"
    return [
        (MEMBER, "", "c0", TOKEN),
        (MEMBER, TOKEN, "c0", "call"),
        (MEMBER, "2026-01-01T00:00:00Z", "c0", "call"),
        (MEMBER, f"{BAD_DAY}T01:00:00+01:00", "c0", "call"),
        (MEMBER, noon, "", "call"),
        (MEMBER, noon, f"cell-{TOKEN}", "call"),
        (MEMBER, noon, "old", "call"),
        (MEMBER, f"{day}T13:05:00+01:00", "c1", "call"),
        (MEMBER, f"{day}T14:05:00+01:00", "c3", "call"),
        ("", noon, "c0", TOKEN),
    ]


def _unreadable() -> bytes:
    return f"{MEMBER},too,many,columns,{TOKEN}\n{MEMBER},\n".encode() + MEMBER.encode() + b"\xff,x,c0,call\n"


def _table(rows: Sequence[Row]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in zip(EVENTS, zip(*rows, strict=True), strict=True)})


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())
