"""Delta tables: deltalake, duckdb, pandas and pyarrow read what the logs and folders say."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.deliverable.delta import DeltaDelivery, DeltaVersion, extended, log_facts, log_files, named
from tasks.deliverable.delta_actions import meta_data
from tasks.deliverable.files import Rendered
from tasks.deliverable.signature import pem, public_key
from tasks.deliverable.verifier.index_history import Verified
from tasks.deliverable.verifier.script import main
from tasks.deliverable.verify import verify
from tasks.period import Cadence, Period
from tests.refusals import refused
from tests.unit.deliverable.factories import (
    SIGNING_KEY,
    index_of,
    placed,
    release_view,
    rendered,
    revision,
    stored,
    text,
)

SUNDAY, MONDAY = date(2026, 3, 29), date(2026, 3, 30)
FIRST, SECOND = (rendered(release_view(day)) for day in (SUNDAY, MONDAY))
REVISED = rendered(release_view(SUNDAY, revision=2), delivery=revision(FIRST))
TABLES = ("zone_hour", "district_hour_demographic")


def delta(delivery: Rendered) -> DeltaDelivery:
    return DeltaDelivery.read(delivery.files)


WHOLE = extended([], [delta(FIRST), delta(SECOND), delta(REVISED)])


def delivered(folder: Path, versions: Sequence[DeltaVersion] = WHOLE) -> Path:
    """The product's folder as a client has it."""
    for name, content in {**placed(FIRST, SECOND, REVISED), **log_files("footfall/v3", versions)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "footfall/v3"


def rows(folder: Path, version: int | None = None, table: str = "zone_hour") -> pa.Table:
    return DeltaTable(folder / "data" / table, version=version).to_pyarrow_table()


def revisions(table: pa.Table) -> set[tuple[date, int]]:
    return set(zip(table["dt"].to_pylist(), table["revision"].to_pylist(), strict=True))


def test_the_pattern_of_the_read_me_names_the_rows_and_not_the_log(tmp_path: Path) -> None:
    """Polars refuses a folder of two kinds of files."""
    folder = delivered(tmp_path)
    pattern = re.search(r'scan_parquet\("(data/[^"]+)"', text(FIRST))
    assert pattern
    found = {path.relative_to(folder).as_posix() for path in folder.glob(pattern[1])}
    assert found == {each.path.rows("zone_hour") + "/footfall.parquet" for each in (FIRST, SECOND, REVISED)}


def test_the_command_of_the_read_me_verifies_a_prefix_with_delta_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix, key = tmp_path / "prefix", tmp_path / "KEY.pem"
    key.write_text(pem(public_key(SIGNING_KEY)))
    folder = delivered(prefix)
    (prefix / "index.json").write_bytes(index_of(FIRST, SECOND, REVISED, logs=WHOLE))
    command = re.search(r"`python (\S+verify\.py) (\S+) --public-key KEY\.pem`", text(REVISED))
    assert command
    monkeypatch.chdir(folder)
    assert Path(command[1]).is_file()
    assert main([command[2], "--public-key", str(key)]) == 0


@pytest.mark.parametrize("table", TABLES)
def test_a_reader_sees_the_newest_revision_of_each_period_and_nothing_twice(tmp_path: Path, table: str) -> None:
    found = rows(delivered(tmp_path), table=table)
    assert revisions(found) == {(SUNDAY, 2), (MONDAY, 1)}
    for delivery, day in ((REVISED, SUNDAY), (SECOND, MONDAY)):
        there = found.filter(pc.equal(found["dt"], day)).drop(["cadence", "dt", "revision"])
        whole = stored(delivery, table)
        assert there.cast(whole.schema).sort_by("persons").equals(whole.sort_by("persons"))
    assert set(found["cadence"].to_pylist()) == {"day"}


def test_the_history_is_read_by_version(tmp_path: Path) -> None:
    folder = delivered(tmp_path)
    assert [revisions(rows(folder, version)) for version in range(4)] == [
        set(),
        {(SUNDAY, 1)},
        {(SUNDAY, 1), (MONDAY, 1)},
        {(SUNDAY, 2), (MONDAY, 1)},
    ]
    history = DeltaTable(folder / "data/zone_hour").history()
    assert [act["operation"] for act in history] == ["WRITE", "WRITE", "WRITE", "CREATE TABLE"]
    assert history[0]["userMetadata"] == "footfall 2026-03-29 revision 2"


def test_a_table_states_its_columns_their_types_and_their_meaning(tmp_path: Path) -> None:
    fields = {field.name: field for field in DeltaTable(delivered(tmp_path) / "data/zone_hour").schema().fields}
    types = {name: str(field.type) for name, field in fields.items()}
    assert types["hour_utc"] == 'PrimitiveType("timestamp")'
    assert (types["dt"], types["revision"]) == ('PrimitiveType("date")', 'PrimitiveType("long")')
    assert (fields["zone_id"].nullable, fields["persons"].nullable) == (False, True)
    assert fields["zone_id"].metadata["comment"] == "The zone_id."
    table = DeltaTable(tmp_path / "footfall/v3/data/zone_hour")
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)


def test_a_recalled_period_is_gone_and_its_next_revision_comes_back(tmp_path: Path) -> None:
    versions = extended([], [delta(FIRST), delta(SECOND), "2026-03-29", delta(REVISED)])
    assert named(versions[:4]) == {"2026-03-30": 1}
    folder = delivered(tmp_path, versions)
    assert revisions(rows(folder, 3)) == {(MONDAY, 1)}
    assert revisions(rows(folder)) == {(SUNDAY, 2), (MONDAY, 1)}


def test_a_log_is_the_same_whether_it_grew_day_by_day_or_at_once() -> None:
    grown: list[DeltaVersion] = []
    for change in (delta(FIRST), delta(SECOND), delta(REVISED)):
        grown += extended(grown, [change])
    assert grown == WHOLE
    assert extended(WHOLE, []) == []


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["2026-03-29", "2026-03-30", "2026-03"]), st.booleans()), max_size=12))
def test_whatever_happens_a_log_names_the_newest_files_once_and_grows_by_one_version_each(
    acts: list[tuple[str, bool]],
) -> None:
    whole, counting, revisions_of, versions = delta(FIRST), dict[str, int](), dict[str, int](), list[DeltaVersion]()
    for period, is_recall in acts:
        change: DeltaDelivery | str = period
        if is_recall and counting.pop(period, None) is None:
            continue
        if not is_recall:
            counting[period] = revisions_of[period] = revisions_of.get(period, 0) + 1
            path = f"cadence=day/dt={period}/revision={counting[period]}/footfall.parquet"
            files = {"zone_hour": replace(whole.files["zone_hour"], path=path)}
            change = replace(whole, period=period, revision=counting[period], files=files)
        versions += extended(versions, [change])
    assert [version.number for version in versions] == list(range(len(versions)))
    assert named(versions) == counting
    assert replayed(versions) == {f"dt={period}/revision={revision}" for period, revision in counting.items()}


def replayed(versions: Sequence[DeltaVersion]) -> set[str]:
    """Period and revision of each file, by the protocol: what is added counts until it is removed."""
    found: set[str] = set()
    for action in (json.loads(line) for version in versions for line in version.logs["zone_hour"].splitlines()):
        for kind in action.keys() & {"add", "remove"}:
            name = action[kind]["path"].removeprefix("cadence=day/").removesuffix("/footfall.parquet")
            assert (name in found) == (kind == "remove")
            found ^= {name}
    return found


def test_a_file_is_named_by_a_uri_of_the_very_bytes_that_were_signed() -> None:
    add = json.loads(WHOLE[1].logs["zone_hour"].splitlines()[1])["add"]
    content = FIRST.files[f"data/zone_hour/{add['path']}"]
    assert (add["size"], add["partitionValues"]) == (
        len(content),
        {"cadence": "day", "dt": "2026-03-29", "revision": "1"},
    )
    spaced = delta(FIRST)
    file = replace(spaced.files["zone_hour"], path="cadence=day/dt=2026-03-29/a b%.parquet")
    log = extended([], [replace(spaced, files={"zone_hour": file})])[1].logs["zone_hour"]
    assert json.loads(log.splitlines()[1])["add"]["path"] == "cadence=day/dt=2026-03-29/a%20b%25.parquet"


def test_a_delivery_with_other_columns_than_the_first_is_refused() -> None:
    other = delta(SECOND)
    file = other.files["zone_hour"]
    changes: tuple[dict[str, Any], ...] = (
        {"zone_hour": replace(file, schema=file.schema.append(pa.field("people", pa.int64())))},
        {"zone_hour": replace(file, schema=file.schema.remove(0))},
        {"zone_day": file},
    )
    for change in changes:
        with refused("delta.columns_differ"):
            extended(WHOLE, [replace(other, files={**other.files, **change})])
    described = file.schema.set(0, file.schema.field(0).with_metadata({"description": "Said better."}))
    changed = replace(other, files={**other.files, "zone_hour": replace(file, schema=described)})
    assert len(extended(WHOLE, [changed])) == 1


def test_weeks_have_logs_of_their_own_tables_and_go_on_in_those_that_days_have_too(tmp_path: Path) -> None:
    fine, coarse = release_view().levels
    levels = (fine, replace(coarse, name="district_week"))
    week = rendered(release_view(MONDAY, period=Period.holding(Cadence.WEEK, MONDAY), levels=levels))
    versions = extended([], [delta(FIRST), delta(week), delta(REVISED), delta(FIRST).period])
    for name, content in {**placed(FIRST, week, REVISED), **log_files("footfall/v3", versions)}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    folder = tmp_path / "footfall/v3"
    assert {each.number for each in versions} == set(range(len(versions)))
    assert revisions(rows(folder, table="district_week")) == {(MONDAY, 1)}
    assert [revisions(rows(folder, number)) for number in range(5)] == [
        *(set(), {(SUNDAY, 1)}, {(SUNDAY, 1), (MONDAY, 1)}),
        *({(SUNDAY, 2), (MONDAY, 1)}, {(MONDAY, 1)}),
    ]
    facts = {fact["path"]: fact["version"] for fact in log_facts("footfall/v3", versions)}
    assert facts == {
        "footfall/v3/data/district_hour_demographic": 3,
        "footfall/v3/data/district_week": 1,
        "footfall/v3/data/zone_hour": 4,
    }
    files = {**placed(FIRST, week, REVISED), **log_files("footfall/v3", versions)}
    files["index.json"] = index_of(FIRST, week, REVISED, logs=versions)
    assert len(check(files).deliveries) == 3


def test_a_table_that_began_with_smaller_revision_numbers_goes_on() -> None:
    long, integer = (f'\\"type\\":\\"{kind}\\"}}],' for kind in ("long", "integer"))
    assert all(long in log for log in WHOLE[0].logs.values())
    begun = replace(WHOLE[0], logs={name: log.replace(long, integer) for name, log in WHOLE[0].logs.items()})
    assert extended([begun, *WHOLE[1:2]], [delta(SECOND), delta(REVISED)]) == WHOLE[2:]


def test_the_folders_are_read_as_before_by_those_who_know_no_log(tmp_path: Path) -> None:
    folder = delivered(tmp_path) / "data/zone_hour"
    whole = sum(stored(delivery).num_rows for delivery in (FIRST, SECOND, REVISED))
    assert len(pd.read_parquet(folder)) == whole
    assert pyarrow.dataset.dataset(folder, partitioning="hive").count_rows() == whole
    found = duckdb.read_parquet(f"{folder}/*/*/*/*.parquet", hive_partitioning=True)
    assert found.filter("revision = 2").count("*").fetchall() == [(stored(REVISED).num_rows,)]


def test_a_log_counts_only_beside_the_index_that_signs_it() -> None:
    files = {**FIRST.files, **SECOND.files, **REVISED.files}
    logs = {name.removeprefix("footfall/v3/"): log for name, log in log_files("footfall/v3", WHOLE).items()}
    other_days = {name: log.replace(b"2026-03-30", b"2026-04-30") for name, log in logs.items()}
    assert len(check(files).deliveries) == 3
    for unsigned in (logs, other_days, {"data/zone_hour/_delta_log/_last_checkpoint": b"{}"}):
        with refused("delta.not_signed"):
            check({**files, **unsigned})


def check(files: dict[str, bytes]) -> Verified:
    return verify({name: len(content) for name, content in files.items()}, files.__getitem__)


def test_a_column_of_a_type_that_delta_tables_lack_is_refused() -> None:
    with refused("delta.type_unknown"):
        meta_data("zone_hour", "0", pa.schema([("value", pa.float16())]), 0)
