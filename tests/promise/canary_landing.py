"""A landing folder full of canaries: panel members, strangers, ids of every odd kind, rows bad in every way."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.promise.canary import NUMBER, TOKEN, gzipped

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
_COLUMNS = ("subscriber_id", "event_at", "cell_id", "event_type")
_Row = tuple[str, ...]


def write_landing(root: Path) -> None:
    """One good day with a file that cannot be read, and one day that the gate must stop."""
    root.mkdir(parents=True)
    _write_registers(root)
    good, bad = (root / "events" / f"date={day}" for day in (GOOD_DAY, BAD_DAY))
    good.mkdir(parents=True)
    bad.mkdir()
    (good / "part-0.csv").write_bytes(_csv([*_crowd(GOOD_DAY), *_spoilt(GOOD_DAY)]) + _unreadable())
    (good / "part-1.csv.gz").write_bytes(gzipped(_csv(_crowd(GOOD_DAY))))
    (good / "part-2.csv.zst").write_bytes(_zstd(_csv(_of(ODD, GOOD_DAY))))
    pq.write_table(_table(_of(ODD, GOOD_DAY)), good / "part-3.parquet")
    whole = io.BytesIO()
    pq.write_table(_table(_of([MEMBER], GOOD_DAY)), whole, compression="none")
    (good / "part-4.parquet").write_bytes(whole.getvalue()[:-20])
    (bad / "part-0.csv").write_bytes(_csv([*_crowd(BAD_DAY), *(("", *row[1:]) for row in _crowd(BAD_DAY))]))


def _of(ids: Sequence[str], day: date) -> list[_Row]:
    return [(one, f"{day}T{hour:02d}:{minute:02d}:00+01:00", f"c{hour % 4}", TOKEN)
            for one in ids for hour in range(24) for minute in (5, 35)]  # fmt: skip


def _crowd(day: date) -> list[_Row]:
    return _of([MEMBER, STRANGER, *(f"s{n}" for n in range(20))], day)


def _spoilt(day: date) -> list[_Row]:
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


def _csv(rows: Sequence[_Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    return text.getvalue().encode()


def _table(rows: Sequence[_Row]) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in zip(_COLUMNS, zip(*rows, strict=True), strict=True)})


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def _write_registers(root: Path) -> None:
    members = [MEMBER, *ODD, *(f"s{n}" for n in range(15))]
    _write(root / "subscribers.csv", ("subscriber_id", "birth_year", "gender", "segment", "home_mcc", "active_from"),
           [(one, "1980", "f", "consumer", "262", "") for one in [*members, STRANGER]])  # fmt: skip
    _write(root / "consents.csv", ("subscriber_id", "purpose", "granted_at", "withdrawn_at", "channel", "text_version"),
           [(one, "insights", "2026-01-01T00:00:00Z", "", TOKEN, "v1") for one in members])  # fmt: skip
    _write(root / "cells.csv", ("cell_id", "latitude", "longitude", "valid_from", "valid_to"),
           [(f"c{n}", "50.05", f"{8.005 + n / 100:.3f}", "2026-01-01", "") for n in range(4)]
           + [("old", "50.05", "8.005", "2025-01-01", "2026-01-01")])  # fmt: skip
    _write(root / "population.csv", ("zone_id", "age_band", "gender", "residents"), [])
    zones = [_zone(n) for n in range(4)]
    (root / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": zones}))


def _zone(n: int) -> dict[str, object]:
    west, east = 8 + n / 100, 8 + (n + 1) / 100
    ring = [[west, 50.0], [east, 50.0], [east, 50.1], [west, 50.1], [west, 50.0]]
    names = {"zone_id": f"Z{n}", "name": f"Zone {n}", "parent_id": f"D{n // 2}"}
    return {"type": "Feature", "properties": names, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def _write(path: Path, columns: Sequence[str], rows: Sequence[_Row]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
