"""The reader against its plain-Python twin, on days of 23, 24 and 25 hours and clocks that differ."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.events.packed_key import pack
from tests.reference_read import Event, Span, World, midnight, parse
from tests.unit.events.factory import NATIVE, csv_bytes, landing_file, prepare, read, times, write, write_parquet

DAYS = (date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 6, 15))
ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
SUBSCRIBERS = ("s0", "s1", "s2", "s3", "stranger", "", " ", None)
CELLS = ("once", "moved", "retired", "nowhere", "", None)
FRACTIONS = ("", ".0", ".999999", ".9999999")
BAD_TIMES = ("", None, "yesterday", "2026-03-29", "2026-02-30T10:00:00Z", "2026-03-29T24:00:00", "1774746000")
OFFSETS = ("Z", "+00:00", "+0100", "-05", " +05:30")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    day = draw(st.sampled_from(DAYS))
    zones = [draw(st.sampled_from(ZONES)) for _ in range(2)]
    time = times(zones[0], zones[1], draw(st.integers(0, 2)))
    ends = st.tuples(st.integers(-5, 50_000), st.integers(40_000, 95_000))
    panel = {f"s{n}": Span(n, *draw(ends)) for n in range(4)}
    moved = draw(st.integers(1, 80_000))
    cells = {
        "once": [Span(0, 0, 90_000)],
        "moved": [Span(1, 0, moved), Span(2, moved, draw(st.integers(moved + 1, 90_000)))],
        "retired": [Span(-1, 0, 0)],
    }
    return World(day, time, panel, cells)


@st.composite
def event_times(draw: st.DrawFn, world: World) -> str | None:
    """Instants near the day's borders, its consents and its clock changes; sometimes far away, sometimes no time."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(BAD_TIMES))
    near = [
        0,
        3600,
        7200,
        10_800,
        82_800,
        86_400,
        90_000,
        *(s for span in world.panel.values() for s in (span.first, span.end)),
    ]
    near += [span.end for span in world.cells["moved"]]
    second = (
        draw(st.sampled_from(near))
        + draw(st.integers(-2, 2))
        + 86_400 * draw(st.sampled_from((0, 0, 0, -1, 1, 2, -3, 40)))
    )
    instant = midnight(world.day, world.time.local) + timedelta(seconds=second)
    separator, fraction = draw(st.sampled_from("T ")), draw(st.sampled_from(FRACTIONS))
    if draw(st.booleans()):
        wall = midnight(world.day, world.time.local).astimezone(world.time.landing).replace(tzinfo=None)
        return (wall + timedelta(seconds=second)).isoformat(separator) + fraction
    return instant.replace(tzinfo=None).isoformat(separator) + fraction + draw(st.sampled_from(OFFSETS))


@st.composite
def landings(draw: st.DrawFn) -> tuple[World, list[tuple[date, list[Event]]]]:
    world = draw(worlds())
    event = st.builds(Event, st.sampled_from(SUBSCRIBERS), event_times(world), st.sampled_from(CELLS))
    labels = st.integers(-1, world.time.lateness_days + 1).map(lambda n: world.day + timedelta(days=n))
    return world, draw(st.lists(st.tuples(labels, st.lists(event, min_size=1, max_size=25)), min_size=1, max_size=3))


def _write(path: Path, events: Sequence[Event]) -> Path:
    rows = [(event.subscriber, event.at, event.cell, "data") for event in events]
    if path.suffix != ".parquet":
        return write(path, csv_bytes(rows))
    columns = {
        name: pa.array(list(values), pa.string()) for name, values in zip(NATIVE, zip(*rows, strict=True), strict=True)
    }
    if path.stem.endswith("stamps"):
        columns["event_at"] = pc.assume_timezone(columns["event_at"].cast(pa.timestamp("us")), "UTC")
    return write_parquet(path, columns)


def _as_instant(event: Event, world: World) -> Event:
    """The event as a file of timestamps can hold it: UTC, and no time where it is no time."""
    instant = parse(event.at or "", world.time.landing)
    return replace(event, at=f"{instant:%Y-%m-%dT%H:%M:%S}.999999" if instant else None)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(landings(), st.sampled_from((".csv", ".csv.gz", ".parquet", "-stamps.parquet")), st.sampled_from((1, 4, 64)))
def test_reading_equals_the_plain_reference(landing: Any, suffix: str, partitions: int) -> None:
    world, folders = landing
    if suffix == "-stamps.parquet":
        folders = [(label, [_as_instant(event, world) for event in events]) for label, events in folders]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        context = prepare(root, world.panel, world.cells, world.day, world.time)
        written = [(label, _write(root / f"f{n}{suffix}", events)) for n, (label, events) in enumerate(folders)]
        found, keys = read([landing_file(path, label) for label, path in written], context, root / "out", partitions)
    told = (
        replace(world, time=world.time.model_copy(update={"landing_timezone": "UTC"})) if "stamps" in suffix else world
    )
    judged = [
        (f"f{n}{suffix}", *told.judge(event, label)) for n, (label, events) in enumerate(folders) for event in events
    ]
    expected = Counter((file, reason) for file, reason, _ in judged if reason is not None)
    assert found.account.set_aside == expected
    assert found.account.total == len(judged)
    unfit = Counter(filter(None, (told.unfit(event, label) for label, events in folders for event in events)))
    assert Counter(found.unfit) == unfit
    parts = np.array([key for *_, key in judged if key is not None], dtype=np.int64).reshape(-1, 3)
    assert np.array_equal(np.concatenate(keys), np.sort(pack(*parts.T)))
    assert not found.unreadable
