"""`throng daily` and `throng backfill`: whatever an outage left undone is found and done, once."""

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tasks.policy import shipped
from tasks.services.client_file import client_file
from tasks.services.s3 import S3Server
from tasks.simulate import SimulationPlan, simulate
from tests.end_to_end.conftest import Said, Throng

NOW = datetime.now(ZoneInfo("Europe/Berlin"))
FIRST = NOW.date() - timedelta(days=5)
DAYS = [str(FIRST + timedelta(days=n)) for n in range(5)]
PREFIX = "throng"


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder of the last five days: 1,200 subscribers."""
    root = tmp_path_factory.mktemp("week") / "landing"
    simulate(root, SimulationPlan(1_200, 5, FIRST, seed=5, zones=12, rate=20, opt_in=0.9))
    return root


@pytest.fixture
def five_days(throng: Throng, week: Path, monkeypatch: pytest.MonkeyPatch) -> Throng:
    """The command line after five days of outage; plans are made at one moment, also if the tests run past midnight."""
    monkeypatch.setattr("tasks.release.utc_now", lambda: NOW.astimezone(UTC))
    shutil.rmtree(throng.landing)
    shutil.copytree(week, throng.landing, copy_function=shutil.copy2)
    return throng


@pytest.fixture
def apply(five_days: Throng, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Applies a client that may have all five days, from its own folder of the bucket."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(s3.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    def client(name: str, bucket: str = "nordmarkt-insights") -> Said:
        prefix = f"{five_days.home.parent.name.replace('_', '-')}-{name}"
        text = client_file("nordmarkt", bucket, s3.endpoint_url, FIRST, NOW.date() - timedelta(days=1), prefix=prefix)
        file = five_days.home.parent / f"{name}.toml"
        file.write_text(text.replace('name = "nordmarkt"', f'name = "{name}"'))  # who writes under the same profile
        return five_days("client", "apply", str(file))

    return client


def done(said: Said) -> Counter[tuple[str, str]]:
    return Counter((result["verb"], result["outcome"]) for result in said.document["results"])


def charged(throng: Throng) -> Counter[str]:
    """How often each release was charged."""
    months = {day[:7] for day in DAYS}
    return Counter(c["release"] for m in months for c in throng("budget", "--month", m).document.get("charges", []))


def test_one_run_catches_up_after_five_days_and_the_next_has_nothing_to_do(
    five_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("nordmarkt").code == 0
    said = five_days("daily")
    assert (said.code, said.document["outcome"]) == (0, "Reconciled"), said.text
    assert done(said) == {
        ("ingest", "Ingested"): 5,
        ("publish", "Published"): 5,
        ("deliver", "Delivered"): 5,
        ("index", "Indexed"): 1,
    }
    ingests = [r["subject"] for r in said.document["results"] if r["verb"] == "ingest"]
    assert ingests == DAYS
    before = charged(five_days)
    again = five_days("daily")
    assert (again.code, again.document["outcome"], again.document["results"]) == (0, "NothingToDo", [])
    assert charged(five_days) == before == dict.fromkeys(before, 1)


def test_a_rejected_day_stops_only_itself_and_is_tried_again_when_its_landing_changed(
    five_days: Throng, week: Path
) -> None:
    spoilt = sorted((five_days.landing / "events" / f"date={DAYS[2]}").glob("part-*"))
    for file in spoilt:
        file.write_bytes(file.read_bytes()[:-1000])
    said = five_days("daily")
    assert (said.code, said.document["outcome"]) == (3, "SomeFailed"), said.text
    assert done(said) == {
        ("ingest", "Ingested"): 4,
        ("ingest", "RejectedInput"): 1,
        ("publish", "Published"): 4,
        ("publish", "Skipped"): 1,
    }
    (failed,) = [r for r in said.document["results"] if r["outcome"] == "RejectedInput"]
    assert (failed["subject"], failed["exit_code"]) == (DAYS[2], 10)
    assert "Send them again" in failed["action"]
    assert five_days("daily").document["results"] == []  # nothing changed: tried in vain once
    for file in spoilt:
        shutil.copy2(week / file.relative_to(five_days.landing), file)
    said = five_days("daily")
    assert (said.code, done(said)) == (0, {("ingest", "Ingested"): 1, ("publish", "Published"): 1}), said.text


def test_a_day_whose_folder_is_open_waits_by_that_name_and_nothing_fails_for_it(
    five_days: Throng, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = five_days.home.parent / "policy.toml"
    policy.write_text(shipped().read_text().replace("close_after = 6", "close_after = 30"))
    monkeypatch.setenv("THRONG_POLICY", str(policy))
    for day in DAYS[:-1]:
        shutil.rmtree(five_days.landing / "events" / f"date={day}")
    (five_days.landing / "events" / f"date={DAYS[-1]}" / "_COMPLETE").unlink()
    said = five_days("daily")
    assert (said.code, said.document["outcome"]) == (0, "AwaitingLanding"), said.text
    assert done(said) == {("ingest", "AwaitingLanding"): 1}
    assert {run["exit"] for run in five_days("runs").document["runs"]} == {0}


def test_nobody_who_reads_along_stops_the_work(five_days: Throng) -> None:
    words = [sys.executable, "-m", "flows.cli", "backfill", DAYS[0], DAYS[0]]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(words, stderr=full, stdout=full).returncode == 0
    (cell,) = five_days("backfill", DAYS[0], DAYS[0], "--dry-run").document["plan"]["cells"]
    assert cell["state"] == "done"


def test_one_client_whose_bucket_is_gone_does_not_stop_the_other_and_is_served_once_it_is_back(
    five_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("stadtlicht", "no-such-bucket").code == 0
    assert apply("nordmarkt").code == 0
    said = five_days("daily")
    assert said.code == 3, said.text
    assert done(said)["deliver", "Delivered"] == done(said)["deliver", "RefusedDelivery"] == 5
    assert apply("stadtlicht").code == 0
    before = charged(five_days)
    said = five_days("daily")
    assert (said.code, done(said)["deliver", "Delivered"]) == (0, 5), said.text
    assert charged(five_days) == before


def test_daily_for_one_day_does_that_day_and_ends_with_its_error(five_days: Throng) -> None:
    said = five_days("daily", DAYS[1])
    assert (said.code, done(said)) == (0, {("ingest", "Ingested"): 1, ("publish", "Published"): 1}), said.text
    for file in (five_days.landing / "events" / f"date={DAYS[3]}").glob("part-*"):
        file.write_bytes(b"")
    assert five_days("daily", DAYS[3]).code == 10
    assert five_days("daily", "2026-W10").code == 2


def test_a_file_that_was_left_out_is_told_by_name_though_the_day_goes_on(five_days: Throng) -> None:
    (*_, file) = sorted((five_days.landing / "events" / f"date={DAYS[1]}").glob("part-*"))
    file.write_bytes(file.read_bytes()[:-1000])
    said = five_days("daily", DAYS[1])
    assert said.code == 0, said.text
    assert file.name in said.document["results"][0]["warnings"][0]
    assert "warning: rejected_files: 25 % of the day's event files could not be read" in said.text


def test_a_dry_run_shows_the_plan_and_what_it_costs_and_changes_nothing(
    five_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("nordmarkt").code == 0
    said = five_days("backfill", DAYS[0], DAYS[-1], "--client", "nordmarkt", "--dry-run")
    assert said.code == 0, said.text
    plan = said.document["plan"]
    assert [cell["period"] for cell in plan["cells"]] == DAYS
    assert {(c["product"], c["client"], c["state"]) for c in plan["cells"]} == {("footfall", "nordmarkt", "missing")}
    assert sum(plan["total"]["rho"].values()) == pytest.approx(5 * (15 / 1024 + 16384 / 2 / 9051**2))
    assert plan["total"]["seconds"] > 0
    assert five_days.lake_files() == ["installation"]
    assert (five_days("releases").document, five_days("runs").document) == ({"releases": []}, {"runs": []})


def test_steps_at_once_end_as_one_after_the_other_does(five_days: Throng, apply: Callable[..., Said]) -> None:
    assert apply("nordmarkt").code == 0
    said = five_days("backfill", DAYS[0], DAYS[-1], "--parallel", "4", "--newest-first")
    assert (said.code, said.document["outcome"]) == (0, "Reconciled"), said.text
    assert {cell["state"] for cell in said.document["after"]["cells"]} == {"done"}
    assert done(said)["deliver", "Delivered"] == 5
    assert [r["subject"] for r in said.document["results"] if r["verb"] == "ingest"] == DAYS[::-1]
    assert charged(five_days) == dict.fromkeys(charged(five_days), 1)


def test_late_files_are_taken_in_by_mode_all_and_only_a_revision_draws_again(five_days: Throng) -> None:
    day = DAYS[0]
    assert five_days("backfill", day, day).code == 0
    folder = five_days.landing / "events" / f"date={day}"
    shutil.copy2(next(folder.glob("part-*")), folder / "part-late.parquet")
    (cell,) = five_days("backfill", day, day, "--dry-run").document["plan"]["cells"]
    assert (cell["state"], cell["needs"]) == ("stale", [])
    assert cell["revision_rho"] == pytest.approx(15 / 1024)
    said = five_days("publish", "footfall", day)
    assert said.document["outcome"] == "AlreadyPublished"
    assert "part-late.parquet" in said.text
    again = ["publish", "footfall", day, "--revision-of", f"footfall/v1/{day}/r1", "--reason", "late files"]
    too_early = five_days(*again)
    assert (too_early.code, too_early.document["action"].split(",")[0]) == (20, f"Run `throng ingest {day}` first")
    said = five_days("backfill", day, day, "--mode", "all")
    assert done(said) == {("ingest", "Ingested"): 1}, said.text
    said = five_days(*again)
    assert said.document["revision"] == 2, said.text
    assert {c["state"] for c in five_days("backfill", day, day, "--dry-run").document["plan"]["cells"]} == {"done"}
    footfalls = [
        r["release"] for r in five_days("releases").document["releases"] if r["release"].startswith("footfall")
    ]
    assert footfalls == [f"footfall/v1/{day}/r1", f"footfall/v1/{day}/r2"]


def test_a_backfill_that_is_stopped_finishes_what_runs_and_the_same_command_goes_on(five_days: Throng) -> None:
    words = [sys.executable, "-m", "flows.cli", "backfill", DAYS[0], DAYS[-1]]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        told: list[str] = []
        for line in running.stderr:
            told.append(line)
            if line.startswith(f"ingest {DAYS[0]}"):
                running.send_signal(signal.SIGINT)
        assert running.wait() == 130, told
    assert any(line.startswith("Stopping:") for line in told)
    assert any(line.startswith("Stopped: Stopped after") for line in told)
    assert [run["verb"] for run in five_days("runs").document["runs"] if run["exit"] != 0] == ["backfill"]
    said = five_days("backfill", DAYS[0], DAYS[-1])
    assert (said.code, {c["state"] for c in said.document["after"]["cells"]}) == (0, {"done"}), said.text
    assert charged(five_days) == dict.fromkeys(charged(five_days), 1)


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_run_that_is_killed_is_finished_by_the_next(five_days: Throng, seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-m", "flows.cli", "daily"], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.startswith(f"ingest {DAYS[1]}"))
        time.sleep(seconds)
        running.kill()
    said = five_days("daily")
    assert said.code == 0, said.text
    assert {cell["state"] for cell in said.document["after"]["cells"]} == {"done"}
    releases = five_days("releases").document["releases"]
    assert len(charged(five_days)) == 10 == sum(charged(five_days).values())
    assert {release["state"] for release in releases} == {"published"}


def test_wrong_words_are_refused_with_what_to_write(five_days: Throng) -> None:
    for words, what in (
        (["backfill", DAYS[1], DAYS[0]], "ends before it begins"),
        (["backfill", DAYS[0], DAYS[1], "--mode", "some"], "'some' is not a mode"),
        (["backfill", DAYS[0], DAYS[1], "--client", "nobody"], "no client 'nobody'"),
        (["backfill", DAYS[0], DAYS[1], "--product", "footfal"], "no product 'footfal'"),
        (["backfill", "2026-02-30", DAYS[1]], "not in the calendar"),
    ):
        said = five_days(*words)
        assert said.code == 2, said.text
        assert what in said.document["what"]


def test_as_a_flow_run_every_step_is_a_run_of_its_own_below_it_and_the_page_has_plan_and_grid(
    five_days: Throng, apply: Callable[..., Said], prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "the test server's")
    assert apply("nordmarkt").code == 0
    for file in (five_days.landing / "events" / f"date={DAYS[3]}").glob("part-*"):
        file.write_bytes(b"")
    said = five_days("daily")
    assert said.code == 3, said.text
    runs = {run.name: run for run in runs_of(f"period:{DAYS[0]}")}
    assert {f"ingest {DAYS[0]}", f"publish footfall {DAYS[0]}"} <= runs.keys()
    (parent,) = {run.id: run for run in map(parent_of, runs.values())}.values()
    assert (parent.name.split()[0], parent.state.name, parent.state.is_failed()) == ("daily", "SomeFailed", True)
    cards = {str(card.key): card for card in artifacts_of(parent)}
    assert {"plan", "grid"} <= cards.keys()
    assert f"/runs/flow-run/{runs[f'publish footfall {DAYS[0]}'].id}" not in cards["plan"].data
    assert f"| {DAYS[0]} | [● done]" in cards["grid"].data
    assert "✗ failed" in cards["grid"].data


def test_a_dry_runs_page_says_so_in_its_name_its_state_and_its_grid(
    five_days: Throng, prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "the test server's")
    said = five_days("backfill", DAYS[0], DAYS[-1], "--product", "footfall", "--dry-run")
    assert said.code == 0, said.text
    (run,) = [run for run in runs_of("product:footfall") if run.name == f"backfill {DAYS[0]} to {DAYS[-1]} (dry run)"]
    assert (run.state.name, run.state.is_completed()) == ("Planned", True)
    assert run.state.message.startswith("5 missing. To run: 5 ingest")
    cards = {str(card.key): card for card in artifacts_of(run)}
    assert cards["grid"].data.startswith("# Planned\n\n5 missing. To run: 5 ingest")


def runs_of(tag: str) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags

    with get_client(sync_client=True) as api:
        return list(api.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[tag]))))


def parent_of(run: Any) -> Any:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as api:
        above = api.read_task_run(run.parent_task_run_id)
        return api.read_flow_run(above.flow_run_id)


def artifacts_of(run: Any) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as api:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        return list(api.read_artifacts(artifact_filter=wanted))
