"""A landing folder read back row by row, with the rules of the contract in plain Python: no code of the pipeline."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS = {
    "subscriber_id": ("subscriber_id", "event_at", "cell_id"),
    "user_id": ("user_id", "timestamp", "cell_id"),
    "msisdn": ("msisdn", "datetime", "location_id"),
}


@dataclass(frozen=True)
class Row:
    """One row of a file; `subscriber` is None in a line that is no row."""

    subscriber: Any
    instant: Any
    cell: Any
    defect: str | None


def table(path: Path) -> list[dict[str, Any]]:
    """Parquet or CSV as dictionaries; empty text is None."""
    if path.suffix == ".parquet":
        return list(pq.ParquetFile(path).read().to_pylist())
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".zst":
        content = pa.input_stream(str(path), compression="zstd").read()
    rows = csv.DictReader(content.decode().splitlines())
    return [{name: value or None for name, value in row.items()} for row in rows]


def instant(value: Any) -> Any:
    """An instant of a typed or a text column, None if it is none."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=BERLIN)


@dataclass(frozen=True)
class Landing:
    """A folder as an outside reader sees it."""

    root: Path

    def reference(self, name: str) -> list[dict[str, Any]]:
        """A file beside the events."""
        return table(next(self.root.glob(f"{name}.*")))

    def truth(self, pattern: str) -> list[dict[str, Any]]:
        """Rows of truth files, in the order of their names."""
        return [row for path in sorted((self.root / "truth").glob(pattern)) for row in table(path)]

    def rows(self, path: Path) -> Iterator[Row]:
        """Rows of one event file with the defect that shows in the row alone."""
        for row in table(path):
            names = next(names for key, names in COLUMNS.items() if key in row)
            subscriber, time, cell = (row[name] for name in names)
            if isinstance(subscriber, bytes):
                subscriber = subscriber.hex()
            yield Row(subscriber, instant(time), cell, self._flaw(row, subscriber, time, cell))

    def _flaw(self, row: dict[str, Any], subscriber: str | None, time: Any, cell: str | None) -> str | None:
        if any(isinstance(value, str) and value.startswith("##") for value in row.values()):
            return "unreadable_row"
        if not subscriber:
            return "missing_subscriber"
        if time is None or instant(time) is None:
            return "bad_time" if time else "missing_time"
        if not cell:
            return "missing_cell"
        return "bad_plmn" if not 10_000 <= int(row.get("plmn") or 26203) <= 999_999 else None

    @cached_property
    def counts_from(self) -> dict[str, datetime]:
        """Who may be counted, from when, after the last day has ended."""
        found: dict[str, datetime] = {}
        consents: dict[str, list[datetime]] = defaultdict(list)
        for row in self.reference("consents"):
            proven = row["channel"] and row["text_version"]
            if row["purpose"] == "insights" and proven and not row["withdrawn_at"]:
                consents[row["subscriber_id"]].append(instant(row["granted_at"]))
        for row in self.reference("subscribers"):
            since = instant(row["active_from"]) if row["active_from"] else datetime.min.replace(tzinfo=UTC)
            granted = [at for at in consents[row["subscriber_id"]] if at >= since]
            of_age = row["birth_year"] and 2026 - int(row["birth_year"]) > 18
            if granted and of_age and row["segment"] == "consumer" and int(row["home_mcc"]) == 262:
                found[row["subscriber_id"]] = min(granted)
        return found

    @cached_property
    def cells(self) -> dict[str, list[tuple[datetime, datetime | None, float, float]]]:
        """Versions of each cell id: valid from, to, latitude, longitude."""
        versions = defaultdict(list)
        for row in self.reference("cells"):
            begin, end = row.get("valid_from") or row.get("valid_date_start"), row.get("valid_to")
            end = end or row.get("valid_date_end")
            place = float(row["latitude"]), float(row["longitude"])
            versions[row["cell_id"]].append((instant(begin), instant(end) if end else None, *place))
        return versions

    @cached_property
    def zone_of(self) -> dict[str, str]:
        """The zone of each cell id, '' outside every zone."""
        features = json.loads((self.root / "zones.geojson").read_text())["features"]
        tree = shapely.STRtree([shapely.geometry.shape(feature["geometry"]) for feature in features])
        ids = list(self.cells)
        points = [shapely.Point(self.cells[cell][0][3], self.cells[cell][0][2]) for cell in ids]
        found = dict.fromkeys(ids, "")
        for point, zone in zip(*tree.query(points, predicate="intersects"), strict=True):
            found[ids[point]] = features[zone]["properties"]["zone_id"]
        return found

    def account(self, day: date) -> Counter[tuple[str, str]]:
        """Rows by file and reason; those the walk finds stand under the day's folder."""
        start = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)
        after = day + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=BERLIN).astimezone(UTC)
        counts: Counter[tuple[str, str]] = Counter()
        walks: dict[str, list[tuple[int, str]]] = defaultdict(list)
        folder = self.root / "events" / f"date={day}"
        for path in sorted(folder.glob("part-*")):
            for row in self.rows(path):
                reason = self._judge(row, start, end)
                if reason:
                    counts[path.relative_to(self.root).as_posix(), reason] += 1
                else:
                    walks[row.subscriber].append((int((row.instant - start).total_seconds()), row.cell))
        for events in walks.values():
            for reason, number in self._walk(sorted(events)).items():
                counts[folder.relative_to(self.root).as_posix(), reason] += number
        return counts

    def _judge(self, row: Row, start: datetime, end: datetime) -> str | None:
        if row.defect in ("unreadable_row", "missing_subscriber"):
            return row.defect
        since = self.counts_from.get(row.subscriber)
        if since is None or since >= end:
            return "no_consent"
        if row.defect in ("missing_time", "bad_time"):
            return row.defect
        if not start <= row.instant < end:
            near = abs((row.instant.astimezone(BERLIN).date() - start.astimezone(BERLIN).date()).days) <= 1
            return "other_day" if near else "outside_day"
        if row.instant < since:
            return "no_consent"
        if row.defect == "missing_cell" or row.cell not in self.cells:
            return row.defect or "unknown_cell"
        if not any(begin <= row.instant and (to is None or row.instant < to) for begin, to, *_ in self.cells[row.cell]):
            return "expired_cell"
        return row.defect

    def _walk(self, events: list[tuple[int, str]]) -> Counter[str]:
        """Conflicts, duplicates and speed of one subscriber's day, in the order of judgement."""
        zones = defaultdict(set)
        for second, cell in events:
            zones[second].add(self.zone_of[cell])
        clear = [event for event in events if len(zones[event[0]]) == 1]
        apart = sorted(set(clear))
        fast = [False, *(self._fast(a, b) for a, b in pairwise(apart)), False]
        impossible = sum(a and b for a, b in pairwise(fast))
        return Counter(
            conflicting_place=len(events) - len(clear),
            duplicate=len(clear) - len(apart),
            impossible_speed=impossible,
            kept=len(apart) - impossible,
        )

    def _fast(self, a: tuple[int, str], b: tuple[int, str]) -> bool:
        metres = haversine(self.cells[a[1]][0][2:], self.cells[b[1]][0][2:])
        return metres > 10_000 and metres > 55 * (b[0] - a[0])


def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two points of (latitude, longitude)."""
    (phi, lam), (psi, mu) = ((radians(x) for x in point) for point in (a, b))
    half = sin((psi - phi) / 2) ** 2 + cos(phi) * cos(psi) * sin((mu - lam) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))
