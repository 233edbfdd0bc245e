"""What is said of runs whose process is gone, to an API that only remembers; real ones in `test_serve.py`."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from flows.serving.api import Api, RunState
from flows.serving.process_identity import this_process
from flows.serving.run_reaper import AFTER_A_KILL, AGAIN, dead_runs, reap, reap_orphans, resubmit
from flows.serving.server_config import worker_name
from flows.serving.terminal_states import CUT_OFF, KEPT, STOPPED_ALONE, close_own_runs

SINCE = "2026-03-01T00:00:00Z"


def _run(name: str, kind: str = "RUNNING", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": name, "name": name, "state_type": kind, "state_name": kind.capitalize(), "tags": []}
    made |= {
        "run_count": 1,
        "state": {"message": ""},
        "infrastructure_pid": None,
        "deployment_id": "d",
        "parent_task_run_id": None,
    }
    return made | {"parent_flow_run_id": None, "labels": {"prefect.worker.name": worker_name("daily")}} | more


@dataclass
class _Api:
    """Its runs, and what was written on their pages."""

    pages: list[dict[str, Any]]
    refuses: bool = False
    logs: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    started: dict[str, list[str]] = field(default_factory=dict)

    def runs(self, flow_runs: Any = None, task_runs: Any = None, **queue: Any) -> list[dict[str, Any]]:
        if task_runs:
            return [run for run in self.pages if f"task of {run['id']}" in task_runs["id"]["any_"]]
        found = [run for run in self.pages if run["state_type"] in flow_runs["state"]["type"]["any_"]]
        if "parent_task_run_id" in flow_runs:
            alone = flow_runs["parent_task_run_id"]["is_null_"]
            found = [run for run in found if (run["parent_task_run_id"] is None) is alone]
        if "parent_flow_run_id" in flow_runs:
            found = [run for run in found if run["parent_flow_run_id"] in flow_runs["parent_flow_run_id"]["any_"]]
        return found

    def set_state(self, run: str, state: RunState) -> None:
        (page,) = (page for page in self.pages if page["id"] == run)
        page |= {"state_type": state.type, "state_name": state.name, "state": {"message": state.message}}

    def end_tasks(self, run: str, state: RunState) -> None:
        self.tasks[run] = state.type

    def log(self, run: str, line: str) -> None:
        assert run not in self.logs, "told twice"
        self.logs[run] = line

    def page(self, run: str) -> str:
        return f"page of {run}"

    def start_again(self, run: dict[str, Any], tags: list[str]) -> str | None:
        if self.refuses:
            return None
        self.started[run["id"]] = tags
        return f"{run['id']} again"

    def states(self) -> dict[str, str]:
        return {run["name"]: run["state_name"] for run in self.pages}


def _api(*runs: dict[str, Any]) -> Any:
    return cast(Api, _Api(list(runs)))


def _child(name: str, parent: str) -> dict[str, Any]:
    return _run(name, parent_task_run_id=f"task of {parent}", parent_flow_run_id=parent, deployment_id=None)


def test_a_killed_run_says_where_it_goes_on_and_what_it_did_ends_with_it() -> None:
    api = _api(_run("first"), _run("second", tags=[AGAIN, AFTER_A_KILL]), _run("third", tags=[AGAIN]))
    assert reap(api, "daily") == ["first", "second", "third"]
    assert set(api.states().values()) == {"Crashed"}
    assert set(api.tasks.values()) == {"CRASHED"}
    assert api.logs["first"].endswith("a new run goes on from there. See page of first again")
    assert api.logs["second"].endswith("as this was the second time, find out why before a rerun.")
    assert set(api.started) == {"first", "third"}  # to go on after an interruption is not to have been killed
    assert api.started["first"] == [AFTER_A_KILL, AGAIN]


def test_an_interrupted_run_is_followed_by_one_that_is_tagged_too() -> None:
    api = _api(_run("daily", tags=["period:2026-03-01"]), _run("cancelled", "CANCELLING"))
    assert resubmit(api, "daily") == ["daily"]
    assert api.states() == {"daily": "Interrupted", "cancelled": "Cancelled"}
    assert api.started == {"daily": [AGAIN, "period:2026-03-01"]}
    assert api.logs["daily"].endswith("See page of daily again")


@pytest.mark.parametrize(
    ("kind", "name", "ends"),
    [
        ("CRASHED", "Interrupted", "Interrupted"),
        ("CANCELLED", "Cancelled", "Cancelled"),
        ("COMPLETED", "Reconciled", "Crashed"),
        ("RUNNING", "Running", "Running"),
    ],
)
def test_what_a_run_had_started_ends_as_it_did(kind: str, name: str, ends: str) -> None:
    api = _api(_run("parent", kind, state_name=name), _child("child", "parent"))
    assert reap_orphans(api) == ["child"] * (ends != "Running")
    assert api.states()["child"] == ends


def test_what_prefect_marked_is_explained_once_and_all_that_died_is_told_to_the_books() -> None:
    prefects = {"message": "Process exited with status code: -9"}
    api = _api(
        _run("killed", "CRASHED", state=prefects),
        _run("command", "CRASHED", state=prefects, deployment_id=None),
        _run("cancelled", "CANCELLED", state={"message": "Flow run was cancelled successfully."}),
        _run("told", "CRASHED", state_name="Interrupted", state={"message": KEPT}),
    )
    books = dead_runs(api, SINCE)
    assert {run: name for run, (name, _) in books.items()} == api.states()
    assert books["killed"] == ("Crashed", CUT_OFF.message)
    assert {run: line.split(":")[0] for run, line in api.logs.items()} == {
        "killed": "Crashed",
        "command": "Crashed",
        "cancelled": "Cancelled",
    }
    assert dead_runs(api, SINCE) == books


def test_what_never_began_or_still_goes_on_is_not_said_to_have_been_killed() -> None:
    prefects = {"message": "Deployment concurrency limit reached."}
    api = _api(
        _run("never begun", "CANCELLED", run_count=0, state=prefects),
        _run("still there", "CRASHED", state=prefects, infrastructure_pid=this_process()),
        _run("parent"),
        _child("given up", "parent") | {"state_type": "CRASHED", "infrastructure_pid": this_process()},
        _run("cut off", "CRASHED", state=prefects),
    )
    assert dead_runs(api, SINCE) == {"cut off": ("Crashed", CUT_OFF.message)}
    assert set(api.logs) == {"cut off"}


def test_what_nothing_follows_does_not_say_that_a_new_run_goes_on() -> None:
    api = _api(_run("daily"))
    api.refuses = True
    resubmit(api, "daily")
    assert api.logs["daily"] == f"Interrupted: {STOPPED_ALONE.message}"


def test_who_stops_at_once_says_so_of_its_own_runs_only() -> None:
    api = _api(_run("mine", infrastructure_pid=this_process()), _run("another's", infrastructure_pid="4711"))
    close_own_runs(api)
    assert api.states() == {"mine": "Interrupted", "another's": "Running"}
