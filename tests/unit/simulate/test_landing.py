from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import Misconfigured
from tasks.simulate import SimulationPlan, simulate
from tasks.simulate.city import build_city
from tasks.simulate.clock import Day
from tasks.simulate.data_defects import SentRows
from tasks.simulate.network import build_network
from tasks.simulate.population import build_population
from tasks.simulate.rows import Sender
from tests.refusals import refused
from tests.unit.simulate.conftest import SMALL

DAY = SMALL["start"]
FORMS = [
    ("native", "parquet"),
    ("native", "csv"),
    ("eurostat", "parquet"),
    ("eurostat", "csv.zst"),
    ("flowkit", "csv.gz"),
]
WALK = ("conflicting_place", "duplicate", "impossible_speed", "kept")


def expected(made: Any, day: date = DAY) -> Counter[Any]:
    counts = Counter[Any]()
    for row in made.truth("dirty.parquet"):
        folder, _, _ = row["file"].rpartition("/")
        if folder.endswith(f"={day}"):
            counts[folder if row["reason"] in WALK else row["file"], row["reason"]] += row["expected"]
    return +counts


@pytest.mark.parametrize(("form", "container"), FORMS)
def test_the_truth_knows_the_exact_account_of_every_format(landing: Any, form: Any, container: Any) -> None:
    made = landing(format=form, container=container)
    assert +made.account(DAY) == expected(made)


def test_the_account_is_exact_on_days_when_consents_begin_and_clocks_change(landing: Any) -> None:
    made = landing(start=date(2026, 3, 28), days=2, subscribers=300, opt_in=0.9)
    for day in (date(2026, 3, 28), date(2026, 3, 29)):
        assert +made.account(day) == expected(made, day)
    assert any(date(2026, 3, 28) <= since.date() < date(2026, 3, 30) for since in made.counts_from.values())


def test_every_reason_is_planted_where_the_form_can_have_it(landing: Any) -> None:
    planted = {
        form: {
            row["reason"] for row in landing(format=form[0], container=form[1]).truth("dirty.parquet") if row["planted"]
        }
        for form in FORMS
    }
    everywhere = planted["native", "parquet"]
    assert len(everywhere) == 10
    assert planted["native", "csv"] == planted["flowkit", "csv.gz"] == everywhere | {"bad_time", "unreadable_row"}
    assert planted["eurostat", "csv.zst"] == everywhere | {"bad_time", "unreadable_row", "bad_plmn"}


def test_flawed_rows_are_the_stated_share(landing: Any) -> None:
    made = landing()
    rows = made.truth("dirty.parquet")
    planted = Counter(dict.fromkeys(WALK, 0))
    for row in rows:
        planted[row["reason"]] += row["planted"]
    # Of two rows in conflict, one is the clean one.
    defective = sum(planted.values()) - planted["conflicting_place"] / 2
    assert defective / sum(row["expected"] for row in rows) == pytest.approx(0.05, rel=0.01)


@pytest.mark.parametrize(("form", "container"), FORMS[1:])
def test_all_formats_carry_the_same_events(landing: Any, form: Any, container: Any) -> None:
    assert events(landing(format=form, container=container)) == events(landing())


def events(made: Any) -> Counter[Any]:
    """Clean rows that carry no name: how often each place in the subscribers' order, second and cell occurs."""
    number = {row["subscriber_id"]: n for n, row in enumerate(made.reference("subscribers"))}
    counts = Counter[Any]()
    for path in sorted((made.root / "events").rglob("part-*")):
        for row in made.rows(path):
            if row.defect is None and row.cell in made.cells and row.instant.year == 2026:
                counts[number[row.subscriber], row.instant.timestamp(), row.cell] = 1
    return counts


def test_eurostat_files_bear_ids_of_32_lower_case_hex_digits(landing: Any) -> None:
    made = landing(format="eurostat", container="parquet")
    ids = {row["subscriber_id"] for row in made.reference("subscribers")}
    assert len(ids) == SMALL["subscribers"]
    assert all(len(name) == 32 and name == name.lower() and bytes.fromhex(name) for name in ids)
    assert {row["subscriber_id"] for row in made.reference("consents")} <= ids
    assert {row["subscriber_id"] for row in made.truth("homes.parquet")} == ids


def test_the_same_seed_writes_the_same_bytes(landing: Any, tmp_path: Path) -> None:
    simulate(tmp_path / "again", SimulationPlan(**SMALL))
    first, again = (contents(root) for root in (landing().root, tmp_path / "again"))
    assert first == again


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes of each file, and when event files came."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns if "events" in path.parts else 0)
        for path in files
    }


def test_every_day_is_a_closed_folder_of_several_files(landing: Any) -> None:
    made = landing(start=date(2026, 3, 28), days=3, subscribers=40)
    folders = sorted((made.root / "events").iterdir())
    assert [folder.name for folder in folders] == ["date=2026-03-28", "date=2026-03-29", "date=2026-03-30"]
    for folder in folders:
        assert (folder / "_COMPLETE").exists()
        assert len(list(folder.glob("part-*.parquet"))) == 4


def test_progress_hears_of_every_file(tmp_path: Path) -> None:
    heard: list[Any] = []
    summary = simulate(tmp_path / "root", SimulationPlan(**SMALL), lambda *counts: heard.append(counts))
    assert heard == [(n, 4) for n in range(1, 5)]
    assert summary.files == 4
    assert summary.subscribers == SMALL["subscribers"]
    assert summary.zones == SMALL["zones"]


def test_the_summary_counts_what_the_files_hold(landing: Any, tmp_path: Path) -> None:
    summary = simulate(tmp_path / "root", SimulationPlan(**SMALL))
    account = landing().account(DAY)
    assert summary.rows == sum(account.values())
    assert summary.kept == sum(number for (_, reason), number in account.items() if reason == "kept")
    assert summary.counted == len(landing().counts_from)


def test_the_median_phone_has_about_the_plans_rate_of_events(landing: Any) -> None:
    made = landing(subscribers=2000)
    counts = Counter[Any]()
    for path in (made.root / "events").rglob("part-*"):
        counts.update(filter(None, pq.ParquetFile(path).read(["subscriber_id"])["subscriber_id"].to_pylist()))
    numbers = sorted(counts.values())
    assert median(numbers) == pytest.approx(60, rel=0.12)
    assert numbers[int(0.99 * len(numbers))] > 4 * median(numbers)
    assert len(counts) < 2000


def test_opt_in_varies_by_age_and_gender_around_the_plans_share(landing: Any) -> None:
    made = landing(subscribers=2000)
    standing = {
        row["subscriber_id"]
        for row in made.reference("consents")
        if row["purpose"] == "insights" and row["channel"] and row["text_version"] and row["withdrawn_at"] is None
    }
    by_band = defaultdict(list)
    for row in made.truth("homes.parquet"):
        by_band[row["age_band"]].append(row["subscriber_id"] in standing)
    shares = {band: sum(agreed) / len(agreed) for band, agreed in by_band.items()}
    assert len(standing) / 2000 == pytest.approx(0.6, abs=0.03)
    assert shares["25-34"] > shares["18-24"] + 0.03


def test_consents_come_withdrawn_given_again_unproven_and_for_other_purposes(landing: Any) -> None:
    made = landing(subscribers=2000)
    rows = made.reference("consents")
    agreed = Counter(row["subscriber_id"] for row in rows if row["purpose"] == "insights")
    assert any(row["withdrawn_at"] for row in rows)
    assert any(not row["channel"] for row in rows)
    assert any(not row["text_version"] for row in rows)
    assert any(row["purpose"] != "insights" for row in rows)
    assert max(agreed.values()) > 1
    assert all(row["withdrawn_at"] is None or row["withdrawn_at"] > row["granted_at"] for row in rows)
    assert any(row["active_from"] for row in made.reference("subscribers"))


def test_homes_say_who_is_counted(landing: Any) -> None:
    made = landing()
    counted = {row["subscriber_id"]: row["counted_from"] for row in made.truth("homes.parquet") if row["counted"]}
    assert counted == made.counts_from


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_no_or_full_opt_in_nobody_or_everybody_agrees(landing: Any, share: float) -> None:
    made = landing(opt_in=share, dirty=0.0)
    standing = {
        row["subscriber_id"]
        for row in made.reference("consents")
        if row["purpose"] == "insights" and row["channel"] and row["text_version"] and row["withdrawn_at"] is None
    }
    assert len(standing) == share * SMALL["subscribers"]
    assert not any(row["planted"] for row in made.truth("dirty.parquet"))


def test_the_census_counts_the_city_at_the_market_share(landing: Any) -> None:
    made = landing(subscribers=2000)
    residents = sum(int(row["residents"]) for row in made.reference("population"))
    assert {(row["source"], row["as_of"]) for row in made.reference("population")} == {("simulated register", str(DAY))}
    homes = [row for row in made.truth("homes.parquet") if row["home_zone_id"] and row["kind"] != "roamer"]
    assert residents == pytest.approx(len(homes) / 0.3, rel=0.02)


def test_stays_and_trips_of_the_truth_fit_together(landing: Any) -> None:
    made = landing()
    stays = Counter(row["subscriber_id"] for row in made.truth("stays/*/*.parquet"))
    trips = Counter(row["subscriber_id"] for row in made.truth("trips/*/*.parquet"))
    assert len(stays) == SMALL["subscribers"]
    assert all(trips[name] == number - 1 for name, number in stays.items())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").touch()
    with refused("simulate.folder_not_empty"):
        simulate(tmp_path, SimulationPlan(**SMALL))
    assert [path.name for path in tmp_path.iterdir()] == ["cells.csv"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"subscribers": 0}, "subscribers"),
        ({"days": 0}, "days"),
        ({"seed": -1}, "seed"),
        ({"zones": 3}, "zones"),
        ({"rate": 0.0}, "rate"),
        ({"opt_in": 1.5}, "opt_in"),
        ({"dirty": 0.9}, "dirty"),
        ({"format": "csv"}, "format"),
        ({"container": "xlsx"}, "container"),
    ],
)
def test_an_impossible_plan_is_refused_by_name(change: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        SimulationPlan(**{**SMALL, **change})


def test_files_stay_small_enough_to_keep_memory_constant() -> None:
    plan = SimulationPlan(**{**SMALL, "subscribers": 870_000, "rate": 1150.0})
    assert {len(range(*part.indices(plan.subscribers))) for part in plan.parts[:-1]} == {819}
    assert plan.parts[-1].stop == plan.subscribers


def test_a_dictionary_holds_each_text_once() -> None:
    """Arrow leaves uninitialised memory at the end of a Parquet page if its dictionary repeats a text."""
    plan = SimulationPlan(**{**SMALL, "start": date(2026, 10, 25), "format": "eurostat"})
    city = build_city(plan)
    second = np.array([-5, -5, 7200, 10800])  # the same instant twice, and the hour that clocks show twice
    none = np.zeros(4, np.int32)
    rows = SentRows(none, second, none, none.astype(np.uint8), none.astype(np.int8))
    table = Sender(plan, build_population(plan, city), build_network(plan, city)).table(
        rows, Day(plan.start, plan.zone)
    )
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            assert len(column.chunk(0).dictionary.unique()) == len(column.chunk(0).dictionary)
    assert table["timestamp"].to_pylist() == ["2026-10-24 23:59:55"] * 2 + ["2026-10-25 02:00:00"] * 2
