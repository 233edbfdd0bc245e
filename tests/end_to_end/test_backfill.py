"""`throng backfill`: the plan first, then any range, stopped and gone on with, and late files."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DAYS, Said, Throng, charged, done, states_of_days
from tests.end_to_end.prefects_pages import artifacts_of, runs_of
from tests.forked import Command
from tests.served import until


def test_a_dry_run_shows_the_plan_and_what_it_costs_and_changes_nothing(
    three_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("nordmarkt").code == 0
    said = three_days("backfill", DAYS[0], DAYS[-1], "--client", "nordmarkt", "--dry-run")
    assert said.code == 0, said.text
    plan = said.document["plan"]
    assert [cell["period"] for cell in plan["cells"]] == DAYS
    assert {(c["product"], c["client"], c["state"]) for c in plan["cells"]} == {("footfall", "nordmarkt", "missing")}
    assert sum(plan["total"]["rho"].values()) == pytest.approx(3 * (15 / 1024 + 16384 / 2 / 9051**2))
    assert plan["total"]["seconds"] > 0
    assert three_days.lake_files() == []
    assert (three_days("releases").document, three_days("runs").document) == ({"releases": []}, {"runs": []})


def test_steps_at_once_end_as_one_after_the_other_does(three_days: Throng, apply: Callable[..., Said]) -> None:
    assert apply("nordmarkt").code == 0
    said = three_days("backfill", DAYS[0], DAYS[-1], "--parallel", "4", "--newest-first")
    assert (said.code, said.document["outcome"]) == (0, "Reconciled"), said.text
    assert states_of_days(said.document["after"]) == {"done"}
    assert done(said)["deliver", "Delivered"] == 3
    assert [r["subject"] for r in said.document["results"] if r["verb"] == "ingest"] == DAYS[::-1]
    assert charged(three_days) == dict.fromkeys(charged(three_days), 1)


def test_nobody_who_reads_along_stops_the_work(three_days: Throng) -> None:
    blind = Command(["backfill", DAYS[0], DAYS[0]], stdout="/dev/full", stderr="/dev/full")
    assert blind.wait() == 40, "its answer is lost"
    cells = three_days("backfill", DAYS[0], DAYS[0], "--dry-run").document["plan"]["cells"]
    assert {cell["state"] for cell in cells} == {"done"}


def test_late_files_are_taken_in_by_mode_all_and_only_a_revision_draws_again(three_days: Throng) -> None:
    day, footfall = DAYS[0], ("--product", "footfall")
    assert three_days("backfill", day, day).code == 0
    folder = three_days.landing / "events" / f"date={day}"
    shutil.copy2(next(folder.glob("part-*")), folder / "part-late.parquet")
    (cell,) = three_days("backfill", day, day, *footfall, "--dry-run").document["plan"]["cells"]
    assert (cell["state"], cell["needs"]) == ("stale", [])
    assert cell["revision_rho"] == pytest.approx(15 / 1024)
    said = three_days("publish", "footfall", day)
    assert said.document["outcome"] == "AlreadyPublished"
    assert "part-late.parquet" in said.text
    again = ["publish", "footfall", day, "--revision-of", f"footfall/v3/{day}/r1", "--reason", "late files"]
    too_early = three_days(*again)
    assert (too_early.code, too_early.document["action"].split(",")[0]) == (20, f"Run `throng ingest {day}` first")
    said = three_days("backfill", day, day, "--mode", "all")
    assert done(said) == {("ingest", "Ingested"): 1}, said.text
    said = three_days(*again)
    assert said.document["revision"] == 2, said.text
    (cell,) = three_days("backfill", day, day, *footfall, "--dry-run").document["plan"]["cells"]
    assert cell["state"] == "done"
    footfalls = [
        r["release"] for r in three_days("releases").document["releases"] if r["release"].startswith("footfall")
    ]
    assert footfalls == [f"footfall/v3/{day}/r1", f"footfall/v3/{day}/r2"]


def test_a_backfill_that_is_stopped_finishes_what_runs_and_the_same_command_goes_on(three_days: Throng) -> None:
    running = Command(["backfill", DAYS[0], DAYS[-1]])
    until(lambda: f"\ningest {DAYS[0]}" in running.said)
    running.signal(signal.SIGINT)
    code, answer = running.answer()
    assert code == 130, running.said
    assert "\nStopping:" in running.said
    assert "Stopped: Stopped after" in answer + running.said
    assert [run["verb"] for run in three_days("runs").document["runs"] if run["exit"] != 0] == ["backfill"]
    said = three_days("backfill", DAYS[0], DAYS[-1])
    assert (said.code, states_of_days(said.document["after"])) == (0, {"done"}), said.text
    assert charged(three_days) == dict.fromkeys(charged(three_days), 1)


def test_wrong_words_are_refused_with_what_to_write(three_days: Throng) -> None:
    for words, what in (
        (["backfill", DAYS[1], DAYS[0]], "ends before it begins"),
        (["backfill", DAYS[0], DAYS[1], "--mode", "some"], "'some' is not a mode"),
        (["backfill", DAYS[0], DAYS[1], "--client", "nobody"], "no client 'nobody'"),
        (["backfill", DAYS[0], DAYS[1], "--product", "footfal"], "no product 'footfal'"),
        (["backfill", "2026-02-30", DAYS[1]], "not in the calendar"),
    ):
        said = three_days(*words)
        assert said.code == 2, said.text
        assert what in said.document["what"]


def test_a_dry_runs_page_says_so_in_its_name_its_state_and_its_grid(
    three_days: Throng, prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "the test server's")
    said = three_days("backfill", DAYS[0], DAYS[-1], "--product", "footfall", "--dry-run")
    assert said.code == 0, said.text
    (run,) = [run for run in runs_of("product:footfall") if run.name == f"backfill {DAYS[0]} to {DAYS[-1]} (dry run)"]
    assert (run.state.name, run.state.is_completed()) == ("Planned", True)
    assert run.state.message.startswith("3 missing. To run: 3 ingest")
    cards = {str(card.key): card for card in artifacts_of(run)}
    assert cards["grid"].data.startswith("# Planned\n\n3 missing. To run: 3 ingest")
