"""A day through the engine of this machine: the same bytes however it is cut up, and nothing left behind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import policy
from tasks.engine.local import DayResult, run_day
from tasks.engine.work import DayWork, Machine
from tasks.errors import StorageUnavailable
from tasks.events.files import group_files
from tasks.events.formats import shipped
from tasks.events.landing import find_day
from tasks.events.panel import read_panel
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import walk_rules
from tasks.mobility.plans import load_plans
from tasks.period import Period
from tasks.simulate import SimulationPlan, simulate
from tasks.store.keys import FileKeys
from tasks.store.lake import Candidate
from tasks.store.seal import unseal
from tests.full_disk import disk_full_at

POLICY = policy.load().policy
DAY = date(2026, 3, 2)
MONTH = Period.month(DAY)
NOW = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass(frozen=True)
class City:
    """A simulated landing, its rows of a day as one table, and what the engine needs besides them."""

    root: Path
    events: pa.Table
    panel: pa.Table

    def work(self, folder: Path, files: Sequence[pa.Table]) -> DayWork:
        """The day's work over these rows, written as files of their own."""
        landing = folder / "events" / f"date={DAY}"
        landing.mkdir(parents=True)
        for number, rows in enumerate(files):
            pq.write_table(rows, landing / f"part-{number}.parquet")
        found = find_day(folder, DAY, POLICY.time, NOW)
        context = ReadContext(DAY, POLICY.time, folder / "panel.parquet", folder / "cells.parquet")
        cells = load_plans(self.root, DAY, POLICY.time).cells
        pq.write_table(self.panel, context.panel)
        pq.write_table(cells.table(), context.cells)
        return DayWork(
            groups=group_files(found.files)[0],
            context=context,
            cells=cells.arrays,
            rules=walk_rules(POLICY, DAY),
            pseudonyms=self.panel["pseudonym"].to_numpy(),
            longer={MONTH: self.panel["extra_0"].to_numpy()},
        )


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> City:
    root = tmp_path_factory.mktemp("city") / "landing"
    simulate(root, SimulationPlan(60, 1, DAY, 7, zones=12, rate=80, dirty=0.1))
    parts = sorted((root / "events" / f"date={DAY}").glob("*.parquet"))
    events = pa.concat_tables(pq.ParquetFile(part).read() for part in parts)
    keys = (b"the day's key", b"the month's key")
    day, formats = Period.day(DAY), shipped()
    panel, _ = read_panel(root, period=day, time=POLICY.time, who=POLICY.who, now=NOW, keyed=keys, formats=formats)
    return City(root, events, panel)


def ran(
    city: City, folder: Path, files: Sequence[pa.Table], workers: int = 2, partitions: int = 64
) -> tuple[DayResult, Mapping[str, bytes]]:
    """The result of a day, and every byte that went to the lake."""
    lake = candidate(folder)
    machine = Machine(folder / "scratch", workers, "200MB", partitions)
    result = run_day(city.work(folder, files), machine, lake, lambda stage, done, total: None)
    return result, {str(p.relative_to(lake.staging)): opened(lake, p) for p in lake.staging.rglob("*.sealed")}


def candidate(folder: Path) -> Candidate:
    keys = FileKeys(folder / "keys")
    keys.open()
    return Candidate(folder / "lake", keys, DAY, 1)


def opened(lake: Candidate, path: Path) -> bytes:
    *part, partition, name = path.relative_to(lake.staging).parts
    period = MONTH if "month_state" in part else Period.day(DAY)
    place = "/".join([*part, f"date={DAY}", "generation=1", partition, name])
    return unseal(lake.keys.existing_data_key(period), place, path.read_bytes())


@pytest.fixture(scope="module")
def whole(city, tmp_path_factory) -> tuple[DayResult, Mapping[str, bytes]]:
    return ran(city, tmp_path_factory.mktemp("whole"), [city.events])


def tables(written: Mapping[str, bytes], part: str) -> list[pa.Table]:
    return [pq.read_table(pa.BufferReader(content)) for name, content in sorted(written.items()) if part in name]


@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([1, 3]), st.sampled_from([64, 256]))
@settings(max_examples=8, deadline=None)
def test_row_order_files_workers_and_buckets_change_no_byte(
    city, whole, tmp_path_factory, seed, files, workers, partitions
):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(city.events))
    parts = [city.events.take(rows) for rows in np.array_split(order, files)]
    result, written = ran(city, tmp_path_factory.mktemp("cut"), parts, workers, partitions)
    assert written == whole[1]
    assert result.read.account.reasons == whole[0].read.account.reasons
    assert result.outside_zones == whole[0].outside_zones
    assert np.array_equal(result.profile, whole[0].profile)


def test_every_row_is_accounted_for_and_every_flaw_found(whole, city):
    account = whole[0].read.account
    assert account.total == len(city.events)
    assert {"no_consent", "missing_time", "unknown_cell", "duplicate", "conflicting_place", "impossible_speed"} <= set(
        account.reasons
    )
    assert account.kept > 0


def test_presence_is_sorted_in_its_bucket_with_one_row_an_hour(whole, city):
    members = set(city.panel["pseudonym"].to_pylist())
    for table in tables(whole[1], "presence/"):
        keys = list(zip(table["pseudonym"].to_pylist(), table["hour"].to_pylist(), strict=True))
        assert keys == sorted(set(keys))
        assert {pseudonym for pseudonym, _ in keys} <= members
        assert len({pseudonym >> 58 for pseudonym, _ in keys}) == 1


def test_the_month_keeps_the_days_nights_alone_under_its_own_pseudonyms(whole, city):
    own = dict(zip(city.panel["pseudonym"].to_pylist(), city.panel["extra_0"].to_pylist(), strict=True))
    nights = Counter(
        (own[row["pseudonym"]], row["zone"])
        for table in tables(whole[1], "presence/")
        for row in table.to_pylist()
        if row["hour"] >= 22 or row["hour"] < 6
    )
    states = [row for table in tables(whole[1], "month_state") for row in table.to_pylist()]
    assert {tuple(row) for row in states} == {("pseudonym", "zone", "night_minutes")}
    assert {(row["pseudonym"], row["zone"]): row["night_minutes"] // 60 for row in states} == nights


def test_the_profile_counts_kept_rows_within_one_subscribers_bound(whole):
    assert 0 < whole[0].profile[:24].sum() <= 64 * whole[0].read.account.kept


def test_a_full_disk_says_what_to_do_and_leaves_nothing_in_scratch(city, tmp_path):
    work, lake = city.work(tmp_path, [city.events]), candidate(tmp_path)
    with disk_full_at(4096), pytest.raises(StorageUnavailable, match="Free space"):
        run_day(work, Machine(tmp_path / "scratch", 2, "200MB"), lake, lambda *_: None)
    assert not list((tmp_path / "scratch").glob("day-*"))


def test_what_a_killed_run_of_the_day_left_is_not_read_again(city, whole, tmp_path):
    left = tmp_path / "scratch" / f"day-{DAY}"
    left.mkdir(parents=True)
    np.arange(5).tofile(left / "b00000.keys")
    assert ran(city, tmp_path, [city.events])[1] == whole[1]


def test_a_scratch_folder_that_cannot_be_made_says_what_to_do(city, tmp_path):
    (tmp_path / "scratch").write_text("a file where the folder should be")
    work, lake = city.work(tmp_path, [city.events]), candidate(tmp_path)
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        run_day(work, Machine(tmp_path / "scratch", 2, "200MB"), lake, lambda *_: None)
