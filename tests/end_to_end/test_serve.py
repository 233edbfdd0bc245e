"""`throng serve` with real processes: the schedule comes, each run runs once, and whatever is killed is made up for."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from flows.links import FLOW_RUN
from flows.serving.terminal_states import CANCELLED
from tasks.loopback import free_ports
from tests.few_products import policy_of_two
from tests.served import Served, alive, descendants, until, with_words

DAY = "2026-03-03"
DAILY = {"flows": {"name": {"any_": ["daily"]}}}
"""Of the runs that the schedule makes, those of `daily`."""


@pytest.fixture(scope="module")
def served(city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home with one day's landing, served; each test leaves it served and idle."""
    root = tmp_path_factory.mktemp("served")
    shutil.copytree(city, root / "landing", copy_function=shutil.copy2)
    one = Served(root / "home", root / "landing", free_ports(1)[0])
    one.start()
    yield one
    one.signal(signal.SIGTERM)


def test_the_pages_are_at_the_printed_address_and_call_this_server(served: Served) -> None:
    assert f"see {served.url}\n" in served.said.read_text()
    with urlopen(Request(f"{served.url}/runs", headers={"Accept": "text/html"})) as page:
        assert b"<html" in page.read().lower()
    with urlopen(f"{served.url}/ui-settings") as settings:
        told = json.load(settings)
    assert told["api_url"] == f"{served.url}/api"
    assert f"{told['v2_base_url']}/runs/flow-run/" == FLOW_RUN  # of which pages ask for a login and then go on


def test_who_does_not_know_the_login_can_ask_nothing_and_no_other_page_may_call(served: Served) -> None:
    file = served.home / "prefect" / "login"
    assert f"user:password, which are in {file}\n" in served.said.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    written = [served.said, *(served.home / "logs").iterdir(), served.home / "serve.json"]
    assert not [path for path in written if file.read_text().partition(":")[2] in path.read_text()]
    for headers in ({}, {"Authorization": "Basic " + b64encode(b"throng:guessed").decode()}):
        with pytest.raises(HTTPError, match="401"):
            urlopen(Request(f"{served.url}/api/deployments/filter", b"{}", headers, method="POST"))
    for origin, allowed in ((served.url, served.url), ("http://evil.example", None)):
        with urlopen(Request(f"{served.url}/api/health", headers={"Origin": origin})) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == allowed


def test_what_it_writes_is_its_owners_alone(served: Served) -> None:
    folders = [served.home, served.home / "prefect", served.home / "logs"]
    written = [served.home, *(path for folder in folders for path in folder.iterdir())]
    assert {"serve.json", "serve.lock", "prefect.db", "server.log"} <= {path.name for path in written}
    assert not [path for path in written if path.exists() and path.stat().st_mode & 0o077]


@pytest.mark.parametrize("named", ["command", "env", "working_dir"])
def test_who_asks_for_a_run_does_not_choose_what_is_run(served: Served, named: str) -> None:
    other = {"command": "touch owned", "env": {"PYTHONSTARTUP": "/tmp/x.py"}, "working_dir": "/tmp"}[named]
    daily = served.deployment("daily")["id"]
    for variables in ({named: other}, {f"{named}.X": other}):
        assert served.post(f"/deployments/{daily}/create_flow_run", {"job_variables": variables}) in (409, 422)


def test_daily_is_hourly_in_utc_and_never_twice_at_once(served: Served) -> None:
    daily = served.deployment("daily")
    (schedule,) = daily["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("5 * * * *", "UTC")
    assert (schedule["active"], schedule["parameters"]) == (True, {})
    assert daily["entrypoint"] == "flows.daily.daily"
    assert daily["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert daily["global_concurrency_limit"]["limit"] == 1
    queues = served.post("/work_pools/throng/queues/filter", {})
    found = {queue["name"]: (queue["priority"], queue["concurrency_limit"]) for queue in queues}
    assert found["daily"] == (1, None)
    assert found["backfill"] == (2, 1)


def test_a_backfills_form_explains_its_fields_and_refuses_what_is_out_of_bounds(served: Served) -> None:
    form = served.deployment("backfill")["parameter_openapi_schema"]
    assert all(field["description"] for field in form["properties"].values())
    asked = {"first": DAY, "last": DAY, "dry_run": True}
    assert served.answer("backfill", **asked, parallel=0) in (409, 422)
    assert served.answer("backfill", **asked, parallel=99) in (409, 422)
    assert served.answer("backfill", **asked, mode="redraw") in (409, 422)
    assert served.answer("backfill", first=DAY) in (409, 422)


def test_the_schedule_makes_runs_and_a_worker_takes_them_to_their_end(served: Served) -> None:
    coming = until(lambda: [run for run in served.runs(**DAILY) if run["auto_scheduled"]])
    assert {run["work_queue_name"] for run in coming} == {"daily"}
    now = {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": coming[0]["created"]}}
    served.post(f"/flow_runs/{coming[0]['id']}/set_state", {"state": now, "force": True})
    ended = served.becomes(coming[0]["id"], "COMPLETED", "FAILED", "CRASHED")
    assert ended["state_type"] == "COMPLETED", ended["state"]
    assert ended["name"].startswith("daily ")


def test_a_second_serve_in_this_home_and_another_on_this_port_are_refused_in_words(
    served: Served, tmp_path: Path
) -> None:
    second = served.throng("serve", "--port", str(free_ports(1)[0]))
    assert (second.returncode, "Another `throng serve` runs in" in second.stderr) == (2, True), second.stderr
    elsewhere = Served(tmp_path / "home", served.landing, served.port)
    other = elsewhere.throng("serve", "--port", str(served.port))
    assert (other.returncode, f"Port {served.port} of 127.0.0.1 cannot be used" in other.stderr) == (2, True)
    open_to_all = elsewhere.throng("serve", "--host", "0.0.0.0", "--port", str(free_ports(1)[0]))
    assert (open_to_all.returncode, "PREFECT_SERVER_API_AUTH_STRING" in open_to_all.stderr) == (2, True)


def test_a_command_in_this_home_has_its_page_here(served: Served) -> None:
    before = len(served.runs(flows={"name": {"any_": ["publish"]}}))
    assert served.throng("publish", "footfall", "2026-03-01").returncode == 20
    (run,) = served.runs(flows={"name": {"any_": ["publish"]}})[before:]
    assert (run["name"], run["state_name"]) == ("publish footfall 2026-03-01", "Refused")


def test_a_killed_commands_page_does_not_run_for_ever(served: Served) -> None:
    with served.held(DAY):
        command = served.begin("ingest", DAY)
        running = {"flows": {"name": {"any_": ["ingest"]}}, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        (run,) = until(lambda: [found for found in served.runs(**running) if found["infrastructure_pid"]])
        command.signal(signal.SIGKILL)
        command.wait()
        served.becomes(run["id"], "CRASHED")
    (line,) = served.warnings(run["id"])
    assert line.startswith("Crashed: Its process was killed.")
    assert "the same command goes on" in line
    assert served.doing(run["id"]) <= {"COMPLETED", "CRASHED"}


def test_a_command_stopped_at_once_says_so_on_the_terminal_and_on_its_page(served: Served) -> None:
    with served.held(DAY):
        backfill = served.begin("backfill", DAY, DAY)
        running = {"flows": {"name": {"any_": ["backfill"]}}, "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        (run,) = until(lambda: [found for found in served.runs(**running) if found["infrastructure_pid"]])
        served.in_its_ingest(run["id"])
        for _ in range(2):
            backfill.signal(signal.SIGINT)
            time.sleep(1)
        assert backfill.wait() == 130
    assert backfill.said.splitlines()[-1].startswith("Stopped at once")
    ended = [served.run(run["id"]), *served.children(run["id"])]
    assert [one["state_name"] for one in ended] == ["Interrupted"] * 2
    assert until(lambda: served.in_books(run["id"])) == [("Interrupted", 130)]


def test_a_cancelled_run_is_cancelled_with_all_that_it_started_and_in_the_books(served: Served) -> None:
    with served.held(DAY):
        asked = served.in_its_ingest(served.ask("daily", day=DAY))
        run = asked["id"]
        served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
        until(lambda: any("Flow run was cancelled" in line for line in _log(served, run)))
        until(lambda: not alive(int(asked["infrastructure_pid"])))  # else it would still take the day in
    served.becomes(run, "CANCELLED", "CRASHED", "COMPLETED")
    until(lambda: served.warnings(run))
    assert {one["state_type"] for one in (served.run(run), *served.children(run))} == {"CANCELLED"}
    assert served.warnings(run) == [f"Cancelled: {CANCELLED.message}"]
    assert until(lambda: served.in_books(run)) == [("Stopped", 130)]


def _log(served: Served, run: str) -> list[str]:
    found = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}}) or []
    return [line["message"] for line in found]


def test_two_workers_on_one_queue_run_each_run_once(served: Served) -> None:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "throng", "--name", "other"]
    login = (served.home / "prefect" / "login").read_text()
    more = {"PREFECT_API_URL": f"{served.url}/api", "PREFECT_HOME": str(served.home / "prefect")}
    more |= {"PREFECT_API_AUTH_STRING": login, "no_proxy": "127.0.0.1"}
    with subprocess.Popen(
        [*command, "--work-queue", "backfill", "--type", "process"],
        env=served.environment() | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        try:
            until(lambda: "other" in str(served.post("/work_pools/throng/workers/filter", {})))
            for run in [served.ask("backfill", first=DAY, last=DAY, dry_run=True) for _ in range(2)]:
                assert served.becomes(run, "COMPLETED", "FAILED", "CRASHED")["state_type"] == "COMPLETED"
                states = served.get(f"/flow_run_states/?flow_run_id={run}")
                assert [state["type"] for state in states].count("RUNNING") == 1
        finally:
            other.kill()


def test_a_killed_flow_process_frees_its_place_and_the_next_daily_does_the_work(served: Served) -> None:
    with served.held(DAY):
        killed = served.in_its_ingest(served.ask("daily", day=DAY))
        while_it_runs = served.becomes(served.ask("daily"), "CANCELLED", "COMPLETED", "FAILED")
        assert while_it_runs["state_type"] == "CANCELLED"
        os.kill(int(killed["infrastructure_pid"]), signal.SIGKILL)
        served.becomes(killed["id"], "CRASHED")
    until(lambda: any("the next daily" in line for line in served.warnings(killed["id"])))
    assert until(lambda: served.in_books(killed["id"])) == [("Crashed", 130)]
    assert served.run(while_it_runs["id"])["state"]["message"] == while_it_runs["state"]["message"]  # it never began
    assert not served.warnings(while_it_runs["id"])
    until(lambda: served.deployment("daily")["global_concurrency_limit"]["active_slots"] == 0)
    assert until(lambda: (how := ended(served)) != "CANCELLED" and how) == "COMPLETED"


def ended(served: Served) -> str:
    """How a daily ends that is asked for now; at five past the hour the schedule's own may have its place."""
    return str(served.becomes(served.ask("daily"), "COMPLETED", "CANCELLED", "FAILED")["state_type"])


def test_a_killed_workers_run_is_crashed_with_all_it_started_and_a_new_one_goes_on(served: Served) -> None:
    with served.held(DAY):
        killed = served.in_its_ingest(served.ask("daily", day=DAY))
        os.kill(served.worker("daily"), signal.SIGKILL)
        served.becomes(killed["id"], "CRASHED")
        assert not alive(int(killed["infrastructure_pid"]))
        until(lambda: {child["state_type"] for child in served.children(killed["id"])} == {"CRASHED"})
        (goes_on,) = served.runs(flow_runs={"tags": {"all_": ["again"]}})
        assert goes_on["parameters"] == {"day": DAY}
        (line,) = served.warnings(killed["id"])
        assert line.endswith(f"a new run goes on from there. See {served.url}/v2/runs/flow-run/{goes_on['id']}")
        served.in_its_ingest(goes_on["id"])
        os.kill(served.worker("daily"), signal.SIGKILL)
        served.becomes(goes_on["id"], "CRASHED")  # it may be what kills: nobody follows it
    assert len(served.runs(flow_runs={"tags": {"all_": ["again"]}})) == 1
    until(lambda: served.deployment("daily")["global_concurrency_limit"]["active_slots"] == 0)


def test_what_is_asked_for_runs_though_worker_and_server_are_killed(served: Served) -> None:
    os.kill(served.worker("backfill"), signal.SIGKILL)
    queued = served.ask("backfill", first=DAY, last=DAY, dry_run=True)
    assert served.process
    server = next(int(pid) for pid in _children(served) if b"server" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(server, signal.SIGKILL)
    assert served.becomes(queued, "COMPLETED", "FAILED", "CRASHED")["state_type"] == "COMPLETED"


def test_after_a_stop_all_goes_on_and_the_schedule_is_the_policys_of_now(served: Served) -> None:
    with served.held(DAY):
        running = served.in_its_ingest(served.ask("daily", day=DAY))
        served.post(f"/deployments/{served.deployment('backfill')['id']}/pause_deployment", {})
        assert not any(map(alive, served.signal(signal.SIGTERM)))
        assert served.process
        assert served.process.returncode == 0
        assert served.throng("runs").returncode == 0  # no page is looked for where none is
        served.settings["THRONG_POLICY"] = str(_closing_later(served.home.with_suffix(".toml")))
        served.start()
        assert served.deployment("backfill")["paused"]
        (schedule,) = served.deployment("daily")["schedules"]
        assert schedule["schedule"]["cron"] == "35 * * * *"
        until(lambda: {run["expected_start_time"][14:16] for run in served.runs(**DAILY) if _to_come(run)} == {"35"})
        ended = [served.run(running["id"]), *served.children(running["id"])]
        assert [one["state_name"] for one in ended] == ["Interrupted"] * 2
        assert served.in_books(running["id"]) == [("Interrupted", 130)]
        goes_on = [run for run in served.runs(**DAILY) if not run["auto_scheduled"]][-1]
        assert goes_on["id"] != running["id"]
        assert "again" in goes_on["tags"]
        assert [line for line in served.warnings(running["id"]) if goes_on["id"] in line]
        assert goes_on["parameters"] == {"day": DAY}
        served.in_its_ingest(goes_on["id"])


def test_the_production_shape_keeps_all_in_postgresql_has_a_client_and_leaves_nothing_when_killed(city: Path) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o711)  # as root, PostgreSQL is another user
        shape = Served(root / "home", city, free_ports(3)[0], ["--with-services"])
        shape.start()
        assert oct((shape.home / "env").stat().st_mode & 0o777) == "0o600"
        assert shape.for_shells()["THRONG_DATABASE_URL"].startswith("postgresql://")
        (client,) = json.loads(shape.throng("client", "list", "--json").stdout)["clients"]
        assert client["destination"]["endpoint_url"] == f"http://127.0.0.1:{shape.port + 1}"
        run = shape.ask("backfill", first=DAY, last=DAY, dry_run=True)
        assert shape.becomes(run, "COMPLETED", "FAILED", "CRASHED")["state_type"] == "COMPLETED"
        for name, words in {"PostgreSQL": "/postgres -D", "S3": "weed server"}.items():
            os.kill(with_words(descendants(shape.process.pid), words), signal.SIGKILL)  # type: ignore[union-attr]
            until(partial(_is_said, shape, f"{name}: started again"), 30)
        run = until(lambda: shape.ask_if_up("backfill", first=DAY, last=DAY, dry_run=True), 60)
        assert shape.becomes(run, "COMPLETED", "FAILED", "CRASHED")["state_type"] == "COMPLETED"
        below = shape.signal(signal.SIGKILL)
        until(lambda: not any(map(alive, below)), 30)
        assert not [file.name for file in shape.home.rglob("*.db")]


def _closing_later(file: Path) -> Path:
    file.write_text(policy_of_two().replace("close_after = 6 ", "close_after = 6.5 "))
    return file


def _to_come(run: dict[str, Any]) -> bool:
    return bool(run["auto_scheduled"] and run["state_type"] == "SCHEDULED")


def _children(served: Served) -> list[str]:
    assert served.process
    return Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()


def _is_said(served: Served, words: str) -> bool:
    return words in served.said.read_text()
