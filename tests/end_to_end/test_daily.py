"""`throng daily`: whatever an outage left undone is found and done, once."""

import shutil
import signal
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.end_to_end.conftest import DAILY, DAYS, Said, Throng, charged, done, states_of_days
from tests.end_to_end.prefects_pages import artifacts_of, parent_of, runs_of
from tests.few_products import policy_of_two
from tests.forked import Command
from tests.served import until


def test_one_run_catches_up_after_three_days_and_the_next_has_nothing_to_do(
    three_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("nordmarkt").code == 0
    said = three_days("daily")
    assert (said.code, said.document["outcome"]) == (0, "Reconciled"), said.text
    assert done(said) == {
        ("ingest", "Ingested"): 3,
        ("publish", "Published"): 3 * DAILY,
        ("deliver", "Delivered"): 3,
    }
    ingests = [r["subject"] for r in said.document["results"] if r["verb"] == "ingest"]
    assert ingests == DAYS
    before = charged(three_days)
    again = three_days("daily")
    assert (again.code, again.document["results"]) == (0, [])
    assert charged(three_days) == before == dict.fromkeys(before, 1)


def test_a_rejected_day_stops_only_itself_and_is_tried_again_when_its_landing_changed(
    three_days: Throng, last_days: Path
) -> None:
    spoilt = sorted((three_days.landing / "events" / f"date={DAYS[1]}").glob("part-*"))
    for file in spoilt:
        file.write_bytes(file.read_bytes()[:-1000])
    said = three_days("daily")
    assert (said.code, said.document["outcome"]) == (3, "SomeFailed"), said.text
    assert done(said) == {
        ("ingest", "Ingested"): 2,
        ("ingest", "RejectedInput"): 1,
        ("publish", "Published"): 2 * DAILY,
        ("publish", "Skipped"): DAILY,
    }
    (failed,) = [r for r in said.document["results"] if r["outcome"] == "RejectedInput"]
    assert (failed["subject"], failed["exit_code"]) == (DAYS[1], 10)
    assert failed["action"]
    assert three_days("daily").document["results"] == []  # nothing changed since it failed
    for file in spoilt:
        shutil.copy2(last_days / file.relative_to(three_days.landing), file)
    said = three_days("daily")
    assert (said.code, done(said)) == (0, {("ingest", "Ingested"): 1, ("publish", "Published"): DAILY}), said.text


def test_a_day_whose_folder_is_open_waits_by_that_name_and_nothing_fails_for_it(
    three_days: Throng, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = three_days.home.parent / "policy.toml"
    policy.write_text(policy_of_two().replace("close_after = 6", "close_after = 30"))
    monkeypatch.setenv("THRONG_POLICY", str(policy))
    for day in DAYS[:-1]:
        shutil.rmtree(three_days.landing / "events" / f"date={day}")
    (three_days.landing / "events" / f"date={DAYS[-1]}" / "_COMPLETE").unlink()
    said = three_days("daily")
    assert (said.code, said.document["outcome"]) == (0, "AwaitingLanding"), said.text
    assert done(said) == {("ingest", "AwaitingLanding"): 1}
    assert {run["exit"] for run in three_days("runs").document["runs"]} == {0}


def test_one_client_whose_bucket_is_gone_does_not_stop_the_other_and_is_served_once_it_is_back(
    three_days: Throng, apply: Callable[..., Said]
) -> None:
    assert apply("stadtlicht", "no-such-bucket").code == 0
    assert apply("nordmarkt").code == 0
    said = three_days("daily")
    assert said.code == 3, said.text
    assert done(said)["deliver", "Delivered"] == done(said)["deliver", "RefusedDelivery"] == 3
    assert apply("stadtlicht").code == 0
    before = charged(three_days)
    said = three_days("daily")
    assert (said.code, done(said)["deliver", "Delivered"]) == (0, 3), said.text
    assert charged(three_days) == before


def test_daily_for_one_day_does_that_day_and_ends_with_its_error(three_days: Throng) -> None:
    said = three_days("daily", DAYS[1])
    assert (said.code, done(said)) == (0, {("ingest", "Ingested"): 1, ("publish", "Published"): DAILY}), said.text
    for file in (three_days.landing / "events" / f"date={DAYS[2]}").glob("part-*"):
        file.write_bytes(b"")
    assert three_days("daily", DAYS[2]).code == 10
    assert three_days("daily", "2026-W10").code == 2


def test_a_file_that_was_left_out_is_told_by_name_though_the_day_goes_on(three_days: Throng) -> None:
    files = sorted((three_days.landing / "events" / f"date={DAYS[1]}").glob("part-*"))
    for copy, file in product(range(6), files):
        shutil.copy2(file, file.with_name(f"copy-{copy}-{file.name}"))
    file.write_bytes(file.read_bytes()[:-1000])
    said = three_days("daily", DAYS[1])
    assert said.code == 0, said.text
    assert file.name in said.document["results"][0]["warnings"][0]
    assert "warning: rejected_files: 3.57 % of the day's event files could not be read" in said.text


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_run_that_is_killed_is_finished_by_the_next(three_days: Throng, seconds: float) -> None:
    running = Command(["daily"])
    until(lambda: f"\ningest {DAYS[1]}" in running.said)
    time.sleep(seconds)
    running.signal(signal.SIGKILL)
    running.wait()
    said = three_days("daily")
    assert said.code == 0, said.text
    assert states_of_days(said.document["after"]) == {"done"}
    releases = three_days("releases").document["releases"]
    assert len(charged(three_days)) == 3 * (1 + DAILY) == sum(charged(three_days).values())
    assert {release["state"] for release in releases} == {"published"}


def test_as_a_flow_run_every_step_is_a_run_of_its_own_below_it_and_the_page_has_plan_and_grid(
    three_days: Throng, apply: Callable[..., Said], prefect_stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "the test server's")
    assert apply("nordmarkt").code == 0
    for file in (three_days.landing / "events" / f"date={DAYS[2]}").glob("part-*"):
        file.write_bytes(b"")
    said = three_days("daily")
    assert said.code == 3, said.text
    runs = {run.name: run for run in runs_of(f"period:{DAYS[0]}")}
    assert {f"ingest {DAYS[0]}", f"publish footfall {DAYS[0]}"} <= runs.keys()
    (parent,) = {run.id: run for run in map(parent_of, runs.values())}.values()
    assert (parent.name.split()[0], parent.state.name, parent.state.is_failed()) == ("daily", "SomeFailed", True)
    cards = {str(card.key): card for card in artifacts_of(parent)}
    assert {"plan", "grid"} <= cards.keys()
    assert f"/v2/runs/flow-run/{runs[f'publish footfall {DAYS[0]}'].id}" not in cards["plan"].data
    assert f"| {DAYS[0]} | [● done]" in cards["grid"].data
    assert "✗ failed" in cards["grid"].data
