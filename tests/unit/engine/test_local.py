"""A day through the engine of this machine: the same bytes however it is cut up, and nothing left behind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import policy_file
from tasks.engine.local import LocalEngine
from tasks.engine.spec import DayResult, DayWork
from tasks.errors import StorageUnavailable
from tasks.events.files import group_files
from tasks.events.formats import shipped
from tasks.events.landing import find_day
from tasks.events.packed_key import SUBSCRIBER_SHIFT
from tasks.events.panel import read_panel
from tasks.events.row_rules import ReadContext
from tasks.mobility.day import CellArrays, Int64, WalkRules, walk_rules
from tasks.mobility.evidence import evidence
from tasks.mobility.plans import load_plans
from tasks.mobility.tables import MONTH_STATE, PRESENCE, STAYS, TRIPS, LakeTable
from tasks.period import Cadence, Period
from tasks.simulate import SimulationPlan, simulate
from tests.full_disk import disk_full_at

POLICY = policy_file.load().policy
DAY = date(2026, 3, 2)
TABLES = (PRESENCE, STAYS, TRIPS, MONTH_STATE)
NIGHT = [hour >= 22 or hour < 6 for hour in range(24)]
NOW = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass(frozen=True)
class City:
    """A simulated landing, its rows of a day as one table, and what the engine needs besides them."""

    root: Path
    events: pa.Table
    panel: pa.Table

    def work(self, folder: Path, files: Sequence[pa.Table], tables: Sequence[LakeTable] = TABLES) -> DayWork:
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
            cells=cells.arrays(evidence(cells.zone)),
            rules=walk_rules(POLICY, DAY, 16384),
            tables=tables,
            pseudonyms={
                Cadence.DAY: self.panel["pseudonym"].to_numpy(),
                Cadence.MONTH: self.panel["extra_0"].to_numpy(),
            },
        )


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    root = tmp_path_factory.mktemp("city") / "landing"
    simulate(root, SimulationPlan(60, 1, DAY, 7, zones=12, rate=80, dirty=0.1))
    parts = sorted((root / "events" / f"date={DAY}").glob("*.parquet"))
    events = pa.concat_tables(pq.ParquetFile(part).read() for part in parts)
    keys = (b"the day's key", b"the month's key")
    day, formats = Period.day(DAY), shipped()
    panel, _ = read_panel(root, period=day, time=POLICY.time, who=POLICY.who, now=NOW, keyed=keys, formats=formats)
    return City(root, events, panel)


@dataclass
class Kept:
    """A sink that keeps what it is given."""

    rows: dict[tuple[str, int], pa.Table] = field(default_factory=dict)

    def write(self, table: LakeTable, partition: int, rows: pa.Table) -> None:
        assert rows.schema == table.schema
        self.rows[table.name, partition] = rows

    def of(self, table: LakeTable) -> list[tuple[tuple[str, int], pa.Table]]:
        """The table's partitions, ascending."""
        return sorted((where, rows) for where, rows in self.rows.items() if where[0] == table.name)

    def all(self, table: LakeTable) -> pa.Table:
        """The table's rows by pseudonym, as its partitions are ranges of pseudonyms."""
        return pa.concat_tables(rows for _, rows in self.of(table))


def ran(
    city: City, folder: Path, files: Sequence[pa.Table], workers: int = 2, partitions: int | None = None
) -> tuple[DayResult, Kept]:
    """The result of a day, and what was written."""
    kept, engine = Kept(), LocalEngine(folder / "scratch", workers, "200MB", partitions)
    return engine.run_day(city.work(folder, files), kept, lambda *_: None), kept


@pytest.fixture(scope="module")
def whole(city: City, tmp_path_factory: pytest.TempPathFactory) -> tuple[DayResult, Kept]:
    return ran(city, tmp_path_factory.mktemp("whole"), [city.events])


@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([1, 3]), st.sampled_from([64, 256]))
@settings(max_examples=8, deadline=None)
def test_row_order_files_workers_and_partitions_change_no_row(
    city: City,
    whole: tuple[DayResult, Kept],
    tmp_path_factory: pytest.TempPathFactory,
    seed: Any,
    files: Any,
    workers: Any,
    partitions: Any,
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(city.events))
    parts = [city.events.take(rows) for rows in np.array_split(order, files)]
    result, written = ran(city, tmp_path_factory.mktemp("cut"), parts, workers, partitions)
    assert written == whole[1]
    assert result.read.account.reasons == whole[0].read.account.reasons
    assert result.outside_zones == whole[0].outside_zones
    assert np.array_equal(result.profile, whole[0].profile)


def test_every_row_is_accounted_for_and_every_flaw_found(whole: tuple[DayResult, Kept], city: City) -> None:
    account = whole[0].read.account
    assert account.total == len(city.events)
    assert {"no_consent", "missing_time", "unknown_cell", "duplicate", "conflicting_place", "impossible_speed"} <= set(
        account.reasons
    )
    assert account.kept > 0


def test_presence_is_sorted_in_its_partition_with_one_row_an_hour(whole: tuple[DayResult, Kept], city: City) -> None:
    members = set(city.panel["pseudonym"].to_pylist())
    for (_, partition), table in whole[1].of(PRESENCE):
        keys = list(zip(table["pseudonym"].to_pylist(), table["hour"].to_pylist(), strict=True))
        assert keys == sorted(set(keys))
        assert {pseudonym for pseudonym, _ in keys} <= members
        assert {pseudonym >> 58 for pseudonym, _ in keys} == {partition}


def test_the_month_keeps_the_days_nights_alone_under_its_own_pseudonyms(
    whole: tuple[DayResult, Kept], city: City
) -> None:
    own = dict(zip(city.panel["pseudonym"].to_pylist(), city.panel["extra_0"].to_pylist(), strict=True))
    nights = Counter[tuple[int, int]]()
    for stay in whole[1].all(STAYS).to_pylist():
        night = sum(NIGHT[second // 3600] for second in range(stay["start"], stay["end"]))
        nights[own[stay["pseudonym"]], stay["zone"]] += night
    states = whole[1].all(MONTH_STATE).to_pylist()
    assert {(row["pseudonym"], row["zone"]): row["night_minutes"] for row in states} == {
        place: seconds // 60 for place, seconds in nights.items()
    }


def test_the_profile_counts_kept_rows_within_one_subscribers_bound(whole: tuple[DayResult, Kept]) -> None:
    assert 0 < whole[0].profile[:24].sum() <= 64 * whole[0].read.account.kept


def event_counts(keys: Int64, cells: CellArrays, rules: WalkRules) -> Mapping[str, pa.Table]:
    subscriber, events = np.unique(keys >> SUBSCRIBER_SHIFT, return_counts=True)
    columns = {"subscriber": subscriber.astype(np.int32), "events": events.astype(np.int32)}
    return dict.fromkeys(("daily_events", "monthly_events"), pa.table(columns))


COUNTED = pa.schema([("pseudonym", pa.uint64()), ("events", pa.int32())])
DAILY, MONTHLY = (
    LakeTable(name, COUNTED, cadence, ("pseudonym",), event_counts)
    for name, cadence in (("daily_events", Cadence.DAY), ("monthly_events", Cadence.MONTH))
)


def test_a_kernel_and_its_tables_need_no_other_line(city: City, whole: tuple[DayResult, Kept], tmp_path: Path) -> None:
    kept = Kept()
    work = city.work(tmp_path, [city.events], (PRESENCE, DAILY, MONTHLY))
    result = LocalEngine(tmp_path / "scratch", 2, "200MB").run_day(work, kept, lambda *_: None)
    daily, monthly = kept.all(DAILY), kept.all(MONTHLY)
    assert sum(daily["events"].to_pylist()) == result.read.account.kept == whole[0].read.account.kept
    own = dict(zip(city.panel["pseudonym"].to_pylist(), city.panel["extra_0"].to_pylist(), strict=True))
    of_month = sorted((own[row["pseudonym"]], row["events"]) for row in daily.to_pylist())
    assert [tuple(row.values()) for row in monthly.to_pylist()] == of_month


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_each_table_is_sorted_as_it_says(whole: tuple[DayResult, Kept], table: Any) -> None:
    rows = whole[1].all(table)
    assert rows == rows.sort_by([(name, "ascending") for name in table.sort])


def test_a_full_disk_says_what_to_do_and_leaves_nothing_in_scratch(city: City, tmp_path: Path) -> None:
    work = city.work(tmp_path, [city.events])
    with disk_full_at(4096), pytest.raises(StorageUnavailable, match=str(tmp_path)):
        LocalEngine(tmp_path / "scratch", 2, "200MB").run_day(work, Kept(), lambda *_: None)
    assert not list((tmp_path / "scratch").glob("day-*"))


def test_what_a_killed_run_of_the_day_left_is_not_read_again(
    city: City, whole: tuple[DayResult, Kept], tmp_path: Path
) -> None:
    left = tmp_path / "scratch" / f"day-{DAY}"
    left.mkdir(parents=True)
    np.arange(5).tofile(left / "b00000.keys")
    assert ran(city, tmp_path, [city.events])[1] == whole[1]


def test_a_scratch_folder_that_cannot_be_made_says_what_to_do(city: City, tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("a file where the folder should be")
    work = city.work(tmp_path, [city.events])
    with pytest.raises(StorageUnavailable, match=str(tmp_path)):
        LocalEngine(tmp_path / "scratch", 2, "200MB").run_day(work, Kept(), lambda *_: None)
