import resource
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import StorageUnavailable
from tasks.period import Cadence, Period
from tasks.store.lake import Candidate, Lake
from tests.dying import dies, tick_before_file_acts

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
MONTH = Period.month(DAY)
Tick = Callable[[], None]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return opened(tmp_path / "lake")


def opened(root: Path) -> Lake:
    lake = Lake(root)
    lake.open()
    return lake


def presence(pseudonym: int) -> pa.Table:
    return pa.table(
        {
            "pseudonym": pa.array([pseudonym, pseudonym], pa.uint64()),
            "hour": pa.array([7, 8], pa.int8()),
            "zone": pa.array([3, 3], pa.int32()),
        }
    )


def state(pseudonym: int) -> pa.Table:
    return pa.table({"pseudonym": pa.array([pseudonym], pa.uint64()), "zone": pa.array([3], pa.int32())})


def ingest(lake: Lake, day: date = DAY, generation: int = 1, seed: int = 0) -> None:
    candidate = lake.candidate(day, generation)
    for bucket in (0, 63):
        candidate.write_presence(bucket, presence(seed + bucket))
        candidate.write_state(Cadence.MONTH, MONTH, bucket, state(seed + bucket))
    candidate.write_quarantine(pa.table({"file": ["a.csv"], "row": [3], "reason": ["bad_time"]}))
    candidate.write_coverage(np.array([[True, False]]))
    candidate.write_profile(np.array([1, 2], dtype=np.int64))
    lake.commit(candidate)


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_committed_day_is_read_bucket_by_bucket(lake: Lake) -> None:
    ingest(lake)
    assert [(bucket, table.to_pydict()) for bucket, table in lake.presence(DAY, 1)] == [
        (bucket, presence(bucket).to_pydict()) for bucket in (0, 63)
    ]
    assert lake.coverage(DAY, 1).tolist() == [[True, False]]


def test_folder_names_do_not_become_columns(lake: Lake) -> None:
    ingest(lake)
    assert {tuple(table.column_names) for _, table in lake.presence(DAY, 1)} == {("pseudonym", "hour", "zone")}


def test_the_layout_is_the_contracts(lake: Lake) -> None:
    ingest(lake)
    assert sorted(content(lake.root)) == [
        "coverage/date=2026-03-01/generation=1/coverage.npy",
        "month_state/period=2026-03/date=2026-03-01/generation=1/bucket=00/part.parquet",
        "month_state/period=2026-03/date=2026-03-01/generation=1/bucket=63/part.parquet",
        "presence/date=2026-03-01/generation=1/bucket=00/part.parquet",
        "presence/date=2026-03-01/generation=1/bucket=63/part.parquet",
        "quarantine/date=2026-03-01/generation=1/quarantine.parquet",
    ]


def test_a_months_state_is_read_one_bucket_over_its_days(lake: Lake) -> None:
    ingest(lake, NEXT, 2, seed=1000)
    ingest(lake, DAY)
    tables = list(lake.states(Cadence.MONTH, MONTH, 63, {NEXT: 2, DAY: 1}))
    assert [table["pseudonym"].to_pylist() for table in tables] == [[63], [1063]]


def test_a_day_without_rows_is_empty_and_a_lost_one_is_missed(lake: Lake) -> None:
    lake.commit(lake.candidate(DAY, 1))
    assert list(lake.presence(DAY, 1)) == []
    assert list(lake.states(Cadence.MONTH, MONTH, 0, {DAY: 1})) == []
    with pytest.raises(StorageUnavailable, match="date=2026-03-02/generation=1 is missing in the lake"):
        list(lake.presence(NEXT, 1))
    with pytest.raises(StorageUnavailable, match="is missing"):
        list(lake.states(Cadence.MONTH, MONTH, 0, {NEXT: 1}))


def test_a_rejected_candidate_leaves_nothing(lake: Lake) -> None:
    candidate = lake.candidate(DAY, 1)
    candidate.write_presence(0, presence(0))
    candidate.write_profile(np.array([1], dtype=np.int64))
    assert candidate.profile().tolist() == [1]
    lake.discard(candidate)
    assert content(lake.root) == {}


def test_the_confidential_profile_does_not_outlive_staging(lake: Lake) -> None:
    ingest(lake)
    assert not list(lake.root.rglob("profile*"))


def test_a_second_generation_leaves_the_first_one_alone(lake: Lake) -> None:
    ingest(lake)
    before = content(lake.root)
    ingest(lake, generation=2, seed=5)
    assert before.items() <= content(lake.root).items()
    assert [table["pseudonym"][0].as_py() for _, table in lake.presence(DAY, 2)] == [5, 68]


def test_equal_rows_are_equal_bytes(tmp_path: Path) -> None:
    lakes = [opened(tmp_path / name) for name in ("one", "two")]
    for lake in lakes:
        ingest(lake)
    assert content(lakes[0].root) == content(lakes[1].root)


def test_an_ingest_killed_anywhere_is_whole_after_the_next_one(lake: Lake) -> None:
    ingest(lake)
    first = content(lake.root)
    ingest(lake, generation=2, seed=9)
    both = content(lake.root)
    for at in count(1):
        lake.discard(Candidate(lake.root, DAY, 2))
        assert content(lake.root) == first

        def act(tick: Tick) -> None:
            tick_before_file_acts(tick)
            ingest(lake, generation=2, seed=9)

        killed = dies(act, at)
        assert first.items() <= content(lake.root).items()
        ingest(lake, generation=2, seed=9)
        assert content(lake.root) == both
        if not killed:
            break


def test_a_commit_that_failed_halfway_is_completed_by_the_next_call(lake: Lake) -> None:
    candidate = lake.candidate(DAY, 1)
    candidate.write_presence(0, presence(0))
    candidate.write_quarantine(pa.table({"file": ["a"], "row": [1], "reason": ["bad_time"]}))
    blocked = lake.root / "quarantine"
    blocked.write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        lake.commit(candidate)
    blocked.unlink()
    lake.commit(candidate)
    assert sorted(content(lake.root)) == [
        "presence/date=2026-03-01/generation=1/bucket=00/part.parquet",
        "quarantine/date=2026-03-01/generation=1/quarantine.parquet",
    ]


def test_a_disk_that_fills_while_a_bucket_is_written_is_named_and_leaves_no_half_of_it(lake: Lake) -> None:
    candidate = lake.candidate(DAY, 1)
    noise = pa.table({"pseudonym": np.random.default_rng(0).integers(0, 2**62, 50_000, dtype=np.uint64)})

    def fill(_: Tick) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with pytest.raises(StorageUnavailable, match=r"The disk of .*lake is full"):
            candidate.write_presence(5, noise)

    assert not dies(fill, at=0)
    assert content(lake.root) == {}
    candidate.write_presence(5, noise)


def test_the_allowed_list_is_the_last_one_written(lake: Lake) -> None:
    for pseudonym in (1, 2):
        lake.write_allowed(Period.day(DAY), state(pseudonym))
    assert lake.allowed(Period.day(DAY))["pseudonym"].to_pylist() == [2]


def test_a_plan_is_kept_under_its_version(lake: Lake) -> None:
    lake.write_plan("abc123", b"{}")
    lake.write_plan("abc123", b"{}")
    assert lake.plan("abc123") == b"{}"
