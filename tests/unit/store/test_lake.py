import os
import re
import resource
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.demographics import Margins
from tasks.errors import RefusedRelease, StorageUnavailable
from tasks.mobility.tables import MONTH_STATE, PRESENCE
from tasks.period import Period
from tasks.store.keys import DataKeys
from tasks.store.lake import Lake, LakeFile
from tasks.store.object_store import FileObjectStore
from tests.dying import dies, tick_before_file_acts

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
MONTH = Period.month(DAY)
Tick = Callable[[], None]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return opened(tmp_path / "lake")


def opened(root: Path) -> Lake:
    keys = DataKeys(root.with_name(f"{root.name}-keys"))
    keys.open()
    keys.key(Period.day(DAY))
    lake = Lake(FileObjectStore(root), keys)
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


def ingest(lake: Lake, day: date = DAY, generation: int = 1, seed: int = 0) -> tuple[LakeFile, ...]:
    staged = lake.new_version(day, generation)
    for bucket in (0, 63):
        staged.write(PRESENCE, bucket, presence(seed + bucket))
        staged.write(MONTH_STATE, bucket, state(seed + bucket))
    staged.write_quarantine(pa.table({"file": ["a.csv"], "row": [3], "reason": ["bad_time"]}))
    staged.write_coverage(np.array([[True, False]]))
    staged.write_profile(np.array([1, 2], dtype=np.int64))
    return staged.complete()


def content(root: Path) -> dict[str, bytes]:
    """What the lake holds, without what a killed writer left."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".")}


def rows(lake: Lake) -> dict[str, object]:
    """What the lake holds, opened: sealed twice, equal rows are other bytes."""
    files = [LakeFile(name, len(found)) for name, found in content(Path(lake.objects.location)).items()]
    return {file.path: lake.rows(file).to_pydict() if file.period else file.bytes for file in files}


def test_a_committed_day_is_read_bucket_by_bucket(lake: Lake) -> None:
    files = [file for file in ingest(lake) if file.table == "presence"]
    assert [(file.partition, lake.rows(file).to_pydict()) for file in files] == [
        (bucket, presence(bucket).to_pydict()) for bucket in (0, 63)
    ]
    assert lake.coverage(DAY, 1).tolist() == [[True, False]]


def test_folder_names_do_not_become_columns(lake: Lake) -> None:
    files = [file for file in ingest(lake) if file.table == "presence"]
    assert {tuple(lake.rows(file).column_names) for file in files} == {("pseudonym", "hour", "zone")}


def test_the_layout_is_the_contracts(lake: Lake) -> None:
    files = ingest(lake)
    assert [(file.path, file.bytes) for file in files] == sorted(
        (info.key, info.bytes) for info in lake.objects.list("")
    )
    assert [file.path for file in files] == [
        "coverage/date=2026-03-01/generation=1/coverage.npy",
        "month_state/period=2026-03/date=2026-03-01/generation=1/bucket=00/part-1.sealed",
        "month_state/period=2026-03/date=2026-03-01/generation=1/bucket=63/part-1.sealed",
        "presence/date=2026-03-01/generation=1/bucket=00/part-1.sealed",
        "presence/date=2026-03-01/generation=1/bucket=63/part-1.sealed",
        "quarantine/date=2026-03-01/generation=1/quarantine.parquet",
    ]


def test_a_file_says_what_it_is_a_part_of(lake: Lake) -> None:
    by_table = {file.table: file for file in ingest(lake)}
    assert {name: file.period for name, file in by_table.items()} == {
        "coverage": None,
        "month_state": MONTH,
        "presence": Period.day(DAY),
        "quarantine": None,
    }
    assert {file.day for file in by_table.values()} == {DAY}
    assert by_table["month_state"].partition == 63


def test_files_with_rows_are_sealed_and_nothing_of_them_is_plain(lake: Lake) -> None:
    ingest(lake)
    lake.write_eligible(Period.day(DAY), state(2**40 + 1), "registers")
    sealed = {name: found for name, found in content(Path(lake.objects.location)).items() if name.endswith(".sealed")}
    assert {name.split("/")[0] for name in sealed} == {"presence", "month_state", "allowed"}
    assert not [name for name, found in sealed.items() if b"PAR1" in found or b"pseudonym" in found]


def test_a_file_moved_to_another_ones_place_does_not_open(lake: Lake) -> None:
    one, other = (file for file in ingest(lake) if file.table == "presence")
    (Path(lake.objects.location) / one.path).rename(Path(lake.objects.location) / other.path)
    with pytest.raises(StorageUnavailable, match=re.escape(other.path)):
        lake.rows(other)


@given(st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_changed_anywhere_or_cut_off_does_not_open(lake: Lake, data: st.DataObject) -> None:
    lake.staged_version(DAY, 1).discard()
    file = next(file for file in ingest(lake) if file.table == "presence")
    path, at = Path(lake.objects.location) / file.path, data.draw(st.integers(0, file.bytes - 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] if data.draw(st.booleans()) else whole[:at])
    with pytest.raises(StorageUnavailable, match=re.escape(file.path)):
        lake.rows(file)


def test_rows_whose_key_is_gone_are_refused_and_no_key_is_made_for_them(lake: Lake, tmp_path: Path) -> None:
    file = next(file for file in ingest(lake) if file.table == "presence")
    (tmp_path / "lake-keys" / f"day-{DAY}.key").unlink()
    with pytest.raises(RefusedRelease, match="data key of 2026-03-01"):
        lake.rows(file)
    with pytest.raises(RefusedRelease, match="data key of 2026-03-01"):
        lake.write_eligible(Period.day(DAY), state(1), "registers")
    assert not list((tmp_path / "lake-keys").glob("day-*"))


@pytest.mark.parametrize("lose", [lambda path: path.unlink(), lambda path: os.truncate(path, 20)])
def test_a_lost_or_shortened_file_is_missed_by_its_size(lake: Lake, lose: Callable[[Path], None]) -> None:
    files = list(ingest(lake))
    lake.check_files(files)
    lose(Path(lake.objects.location) / files[1].path)
    with pytest.raises(StorageUnavailable, match=re.escape(files[1].path)):
        lake.check_files(files)


def test_a_partition_that_another_process_has_written_is_not_taken_for_our_own(lake: Lake) -> None:
    staged = lake.new_version(DAY, 1)
    lake.staged_version(DAY, 1).write(PRESENCE, 0, presence(1))
    with pytest.raises(StorageUnavailable) as twice:
        staged.write(PRESENCE, 0, presence(0))
    assert twice.value.code == "lake.written_twice"


def test_a_rejected_candidate_leaves_nothing(lake: Lake) -> None:
    staged = lake.new_version(DAY, 1)
    staged.write(PRESENCE, 0, presence(0))
    staged.write_profile(np.array([1], dtype=np.int64))
    assert staged.profile().tolist() == [1]
    staged.discard()
    assert content(Path(lake.objects.location)) == {}


def test_the_confidential_profile_does_not_outlive_staging(lake: Lake) -> None:
    ingest(lake)
    assert not list(Path(lake.objects.location).rglob("profile*"))


def test_a_second_generation_leaves_the_first_one_alone(lake: Lake) -> None:
    ingest(lake)
    before = content(Path(lake.objects.location))
    second = ingest(lake, generation=2, seed=5)
    assert before.items() <= content(Path(lake.objects.location)).items()
    firsts = [lake.rows(file)["pseudonym"][0].as_py() for file in second if file.table == "presence"]
    assert firsts == [5, 68]


def test_equal_rows_are_not_equal_bytes_so_that_nobody_learns_that_they_are(tmp_path: Path) -> None:
    lakes = [opened(tmp_path / name) for name in ("one", "two")]
    for lake in lakes:
        ingest(lake)
    assert rows(lakes[0]) == rows(lakes[1])
    one, two = (content(Path(lake.objects.location)) for lake in lakes)
    assert not [name for name in one if name.endswith(".sealed") and one[name] == two[name]]


def test_an_ingest_killed_anywhere_is_whole_after_the_next_one(lake: Lake) -> None:
    ingest(lake)
    first = content(Path(lake.objects.location))
    ingest(lake, generation=2, seed=9)
    both = rows(lake)
    for at in count(1):
        lake.staged_version(DAY, 2).discard()
        assert content(Path(lake.objects.location)) == first

        def act(tick: Tick) -> None:
            tick_before_file_acts(tick)
            ingest(lake, generation=2, seed=9)

        killed = dies(act, at)
        assert first.items() <= content(Path(lake.objects.location)).items()
        ingest(lake, generation=2, seed=9)
        assert rows(lake) == both
        if not killed:
            break


def test_a_disk_that_fills_while_a_bucket_is_written_is_named_and_leaves_no_half_of_it(lake: Lake) -> None:
    staged = lake.new_version(DAY, 1)
    noise = pa.table({"pseudonym": np.random.default_rng(0).integers(0, 2**62, 50_000, dtype=np.uint64)})

    def fill(_: Tick) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with pytest.raises(StorageUnavailable) as full:
            staged.write(PRESENCE, 5, noise)
        assert full.value.code == "disk.full"

    assert not dies(fill, at=0)
    assert content(Path(lake.objects.location)) == {}
    staged.write(PRESENCE, 5, noise)


def test_the_eligible_list_is_the_last_one_written_and_keeps_the_digest_of_its_registers(lake: Lake) -> None:
    period = Period.day(DAY)
    for pseudonym in (1, 2, 3):
        lake.write_eligible(period, state(pseudonym), f"registers {pseudonym}")
    listed = lake.eligible(period)
    assert (listed.table, listed.registers) == (state(3), "registers 3")
    lake.remove_eligible(period, np.array([3], dtype=np.uint64))
    assert (lake.eligible(period).table.num_rows, lake.eligible(period).registers) == (0, "registers 3")


def test_a_plan_is_kept_under_its_version(lake: Lake) -> None:
    lake.write_plan("abc123", b"{}")
    lake.write_plan("abc123", b"{}")
    assert lake.plan("abc123") == b"{}"


def test_the_confusion_matrices_and_the_evidence_of_two_plans_stay_as_they_were_first_kept(lake: Lake) -> None:
    plans, (*made, other) = ("abc123", "def456"), (pa.table({"share": [n]}) for n in (1.0, 2.0, 3.0, 4.0))
    assert (lake.confusion(*plans), lake.stay_confusion(*plans), lake.evidence(*plans)) == (None, None, None)
    lake.write_confusion(*plans, *made)
    lake.write_confusion(*plans, other, other, other)
    assert [lake.confusion(*plans), lake.stay_confusion(*plans), lake.evidence(*plans)] == made


@pytest.mark.parametrize("lost", ["confusion", "stay_confusion", "evidence"])
def test_what_was_lost_of_two_plans_is_made_again_with_the_evidence(lake: Lake, lost: str) -> None:
    plans, made = ("abc123", "def456"), [pa.table({"share": [n]}) for n in (1.0, 2.0, 3.0)]
    lake.write_confusion(*plans, *made)
    lake.objects.delete(f"plans/abc123/def456/{lost}.parquet")
    assert lake.evidence(*plans) is None
    lake.write_confusion(*plans, *made)
    assert [lake.confusion(*plans), lake.stay_confusion(*plans), lake.evidence(*plans)] == made


def test_a_census_is_kept_as_the_next_version_where_it_differs_from_the_newest(lake: Lake) -> None:
    first, second = (
        Margins(
            pa.table({"district_id": ["d1"], "residents": [count]}), pa.table({"zone_id": ["a"], "residents": [7.0]})
        )
        for count in (7.0, 8.0)
    )
    assert lake.margins("abc123") is None
    for margins in (first, first, second, second, first):
        lake.write_margins("abc123", margins)
        kept = lake.margins("abc123")
        assert kept
        assert (kept.digest, kept.by_zone) == (margins.digest, margins.by_zone)
    names = sorted(each.key for each in lake.objects.list("plans/"))
    assert names == [f"plans/abc123/population/{n}.parquet" for n in (1, 2, 3)]
    assert lake.margins("def456") is None
